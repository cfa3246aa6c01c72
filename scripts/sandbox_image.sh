#!/usr/bin/env bash
# Build the sandbox image solvent-sandbox:1 unless it is there and up to date (label with the hash of what goes in).
#
#   usage: sandbox_image.sh [auto|debootstrap|pull]
#
#   debootstrap  from Debian's package mirror; needs root (or sudo) and debootstrap, pulls no image
#   pull         from images/Dockerfile; needs a registry
#   auto         debootstrap where it is installed and we may use it, else pull
#
# SOLVENT_DEBIAN_MIRROR is the mirror; default: the one that apt uses, else debootstrap's own.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'sandbox image: %s\n' "$*" >&2; }
die() { printf 'sandbox image: cannot go on: %s\n' "$*" >&2; exit 3; }

python=.venv/bin/python
[ -x "$python" ] || die "there is no .venv (run: make sandbox-image)"
image() { "$python" -m solvent.sandbox.images.build "$@"; }

way=${1:-auto}
if image check; then exit 0; else state=$?; fi
# 1: the image is missing or old; anything else says that the engine does not answer.
[ "$state" -eq 1 ] || exit 3

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if [ "$way" = auto ]; then
  if command -v debootstrap >/dev/null || [ -x /usr/sbin/debootstrap ]; then
    if [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; then way=debootstrap; else way=pull; fi
  else
    way=pull
  fi
fi

case $way in
  debootstrap)
    suite=bookworm
    # What apt says for its first Debian source, since that host is known to answer here.
    from_apt() {
      command -v apt-get >/dev/null || return 0
      apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $suite" 2>/dev/null | head -n 1
    }
    mirror=${SOLVENT_DEBIAN_MIRROR:-$(from_apt)}
    # debootstrap does not read apt's settings, so apt's proxy is handed on.
    if command -v apt-config >/dev/null && [ -z "${http_proxy:-}" ]; then
      eval "$(apt-config shell proxy Acquire::http::Proxy)"
      if [ -n "${proxy:-}" ] && [ "$proxy" != DIRECT ]; then export http_proxy=$proxy; fi
    fi
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/solvent-image.XXXXXX")
    trap '"${as_root[@]}" rm -rf --one-file-system "$work"' EXIT
    packages=$(image packages)
    say "debootstrap $suite from ${mirror:-its default mirror} with $packages (about a minute)"
    "${as_root[@]}" env ${http_proxy:+http_proxy="$http_proxy"} PATH="$PATH:/usr/sbin:/sbin" \
      debootstrap --variant=minbase --include="${packages// /,}" "$suite" "$work/root" ${mirror:+"$mirror"} >"$work/log" 2>&1 \
      || die "debootstrap failed: $(tail -n 1 "$work/log" | cut -c1-300)"
    "${as_root[@]}" sh -c '
      cd "$1" && rm -rf var/lib/apt/lists/* var/cache/apt/* var/log/* usr/share/doc/* usr/share/man/* usr/share/locale/* dev/* \
        && find . -xdev -perm /6000 -type f -exec chmod ug-s {} + && mkdir -p w \
        && tar --numeric-owner --sort=name -cf ../root.tar .' sh "$work/root"
    say "importing into the engine"
    image import "$work/root.tar"
    ;;
  pull)
    say "building from sandbox/images/Dockerfile (needs to pull debian:bookworm-slim)"
    image build
    ;;
  *) die "usage: sandbox_image.sh [auto|debootstrap|pull]" ;;
esac
image check
