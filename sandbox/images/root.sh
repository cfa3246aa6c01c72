#!/usr/bin/env bash
# Make the sandbox's root file system from Debian's packages with mmdebstrap.
#
#   usage: root.sh CONTEXT TARGET [directory|tar]
#
#   CONTEXT  folder that `python -m solvent.sandbox.images.build context` wrote
#   TARGET   the folder (needs root) or the archive that is made
#
# SOLVENT_DEBIAN_MIRROR and SOLVENT_DEBIAN_SECURITY_MIRROR name mirrors; default: those that apt uses here.
# apt's own settings for fetching (proxies, certificates, checks of dates) are used.
set -euo pipefail

context=$1 target=$2 format=${3:-directory}
suite=bookworm
# Nothing in the root is dated later, so that two builds are the same.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/solvent-root.XXXXXX")
trap 'rm -rf "$work"' EXIT

from_apt() {
  command -v apt-get >/dev/null || return 0
  apt-get indextargets --format 'deb $(SITE) $(RELEASE) main' 'Created-By: Packages' 'Component: main' 2>/dev/null \
    | grep -E " ($suite|$suite-updates|$suite-security) main\$" | sort -u
}
sources=()
if [ -z "${SOLVENT_DEBIAN_MIRROR:-}" ]; then mapfile -t sources < <(from_apt); fi
if [ "${#sources[@]}" -eq 0 ]; then
  mirror=${SOLVENT_DEBIAN_MIRROR:-http://deb.debian.org/debian}
  security=${SOLVENT_DEBIAN_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
  sources=("deb $mirror $suite main" "deb $mirror $suite-updates main" "deb $security $suite-security main")
fi

{
  if command -v apt-config >/dev/null; then apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries)' || true; fi
  cat <<'APT'
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT
} >"$work/apt.conf"

packages=$(tr -s '[:space:]' ',' <"$context/packages" | sed 's/,$//')
# no_compile.sh does nothing: finish.sh compiles all of Python's modules at once.
mmdebstrap --variant=essential --format="$format" --include="$packages" \
  --aptopt="$work/apt.conf" --dpkgopt="$context/dpkg.cfg" --skip=cleanup/apt --skip=cleanup/reproducible \
  --essential-hook="mkdir -p \"\$1/usr/share/man/man1\" && install -m 755 '$context/no_compile.sh' \"\$1/usr/bin/py3compile\" \
    && cp \"\$1/usr/bin/py3compile\" \"\$1/usr/bin/pypy3compile\"" \
  --customize-hook="mkdir -p \"\$1/solvent/build\" && cp -R '$context/.' \"\$1/solvent/build\"" \
  --customize-hook='chroot "$1" sh /solvent/build/finish.sh' \
  --customize-hook='chroot "$1" sh /solvent/build/runner.sh' \
  "$suite" "$target" "${sources[@]}"
