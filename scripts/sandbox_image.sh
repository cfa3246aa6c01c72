#!/usr/bin/env bash
# Build the sandbox's root file system, for bubblewrap and as the Docker image solvent-sandbox:1, unless both are there
# and up to date (named by the hash of what goes in).
#
#   usage: sandbox_image.sh [auto|packages|pull]
#
#   packages  from Debian's package mirror with mmdebstrap; needs root (or sudo) or unprivileged user namespaces
#   pull      from sandbox/images/Dockerfile; needs a Docker engine with a registry
#   auto      packages where mmdebstrap is installed, else pull
#
# SOLVENT_SANDBOX_LANGUAGES="python cpp" chooses languages; default: all of sandbox/languages.toml.
# SOLVENT_DEBIAN_MIRROR is the package mirror; default: the one that apt uses.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'sandbox image: %s\n' "$*" >&2; }
die() { printf 'sandbox image: cannot go on: %s\n' "$*" >&2; exit 3; }

python=$PWD/.venv/bin/python
[ -x "$python" ] || die "there is no .venv (run: make sandbox-image)"
image() { "$python" -m solvent.sandbox.images.build "$@"; }

as_root=()
if [ "$(id -u)" -ne 0 ] && sudo -n true 2>/dev/null; then as_root=(sudo -n); fi
is_root() { [ "$(id -u)" -eq 0 ]; }
may_root() { is_root || [ "${#as_root[@]}" -gt 0 ]; }

# What root builds lies where every user finds it.
if may_root && ! is_root; then
  exec sudo -n env SOLVENT_SANDBOX_LANGUAGES="${SOLVENT_SANDBOX_LANGUAGES:-}" SOLVENT_DEBIAN_MIRROR="${SOLVENT_DEBIAN_MIRROR:-}" \
    SOLVENT_SANDBOX_IMAGE="${SOLVENT_SANDBOX_IMAGE:-}" DOCKER_HOST="${DOCKER_HOST:-}" "$0" "$@"
fi

way=${1:-auto}
declare -A state
while read -r what word; do state[$what]=$word; done < <(image state)
if [ "${state[root]}" = current ] && [[ ${state[image]} =~ ^(current|no-engine)$ ]]; then
  say "root file system and image are up to date$([ "${state[image]}" = current ] || echo ' (no Docker engine answers)')"
  exit 0
fi
if [ "$way" = auto ]; then
  if command -v mmdebstrap >/dev/null || [ "${state[root]}" = current ]; then way=packages; else way=pull; fi
fi

id=$(image id)
store=$(image store)
mkdir -p "$store"
# One build at a time; another one may just have done it.
exec 9>"$store/../sandbox-root.lock"
flock 9
work=$(mktemp -d "${TMPDIR:-/var/tmp}/solvent-image.XXXXXX")
new=$store/.new.$id
trap 'rm -rf --one-file-system "$work" "$new"' EXIT
rm -rf --one-file-system "$store"/.new.*
image context "$work/context"

# inside ROOT COMMAND...: runs a command in the new root.
inside() {
  local root=$1
  shift
  if is_root; then
    chroot "$root" "$@"
  else
    bwrap --unshare-all --uid 0 --gid 0 --bind "$root" / --proc /proc --dev /dev --tmpfs /tmp -- "$@"
  fi
}

if ! [ -d "$store/$id" ]; then
  seconds=$SECONDS
  [ "${state[image]}" = current ] && way=engine
  case $way in
    engine)
      say "unpacking the engine's image"
      mkdir "$new"
      image export | tar -xf - -C "$new" --exclude='dev/*'
      ;;
    packages)
      if base=$(image base); then
        say "only the supervisor has changed"
        cp -al "$base" "$new"
        mkdir -p "$new/solvent/build"
        cp -R "$work/context/." "$new/solvent/build"
        SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600} inside "$new" sh /solvent/build/runner.sh || die "the supervisor does not compile"
      elif is_root; then
        say "installing $(wc -w <"$work/context/packages") packages and what they need into a new root file system, some minutes"
        bash "$work/context/root.sh" "$work/context" "$new" >"$work/log" 2>&1 || die "mmdebstrap failed: $(tail -n 5 "$work/log" | cut -c1-600)"
      else
        say "installing packages into a new root file system, some minutes"
        bash "$work/context/root.sh" "$work/context" "$work/root.tar" tar >"$work/log" 2>&1 || die "mmdebstrap failed: $(tail -n 5 "$work/log" | cut -c1-600)"
        mkdir "$new"
        tar -xf "$work/root.tar" -C "$new" --exclude='./dev/*'
        rm "$work/root.tar"
      fi
      ;;
    pull)
      say "building from sandbox/images/Dockerfile (needs to pull debian:bookworm-slim)"
      image build "$work/context"
      mkdir "$new"
      image export | tar -xf - -C "$new" --exclude='dev/*'
      ;;
    *) die "usage: sandbox_image.sh [auto|packages|pull]" ;;
  esac
  chmod 755 "$new"
  mv -T "$new" "$store/$id"
  say "root file system $store/$id: $(du -sm "$store/$id" | cut -f1) MB in $((SECONDS - seconds)) s"
fi

case $(image state | sed -n 's/^image //p') in
  current) ;;
  no-engine) say "no Docker engine answers: no image is made" ;;
  *)
    seconds=$SECONDS
    tar -C "$store/$id" --numeric-owner --sort=name -cf - . | image import
    say "imported into the engine in $((SECONDS - seconds)) s"
    ;;
esac
image tidy "$id"
