#!/usr/bin/env bash
# Build the images of docker-compose.yml from this checkout.
#
#   usage: images.sh [auto|pull|packages|local]
#
#   pull      on python:3.11-slim-bookworm, pulled from its registry
#   packages  on a root file system made of Debian's packages (mmdebstrap, root), where no registry can be reached
#   auto      packages where the base of Python cannot be had, else pull
#   local     packages, and the servers of docker-compose.local.yml as well
#
# Python's packages come from the index that pip uses here: PIP_INDEX_URL, PIP_CERT and pip's own settings. Its address stays
# out of the images. SOLVENT_DEBIAN_MIRROR is the mirror of Debian's packages; default: the one that apt uses.
# SOLVENT_IMAGE_TAG (default: the version) is the tag.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

way=${1:-auto}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml | head -n 1)
tag=${SOLVENT_IMAGE_TAG:-$version}
pulled=$(sed -n 's/^ARG BASE=//p' deploy/images/Dockerfile)
base=solvent-base:bookworm
python=.venv/bin/python
[ -x "$python" ] || python=python3

# The client must speak BuildKit: Debian's (20.10) does so by itself, a newer one through its plugin buildx.
docker=""
for candidate in docker /usr/bin/docker; do
  command -v "$candidate" >/dev/null || continue
  major=$("$candidate" version --format '{{.Client.Version}}' 2>/dev/null | cut -d. -f1) || true
  [ -n "$major" ] || continue
  if "$candidate" buildx version >/dev/null 2>&1 || [ "$major" -lt 23 ]; then docker=$candidate; break; fi
done
[ -n "$docker" ] || die "no Docker client that can use BuildKit: install docker-buildx, or Debian's docker.io"
export DOCKER_BUILDKIT=1
"$docker" info >/dev/null 2>&1 || die "no Docker engine answers (scripts/start_dockerd.sh)"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/solvent-images.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

case $way in
  auto) if "$docker" pull --quiet "$pulled" >/dev/null 2>&1; then way=pull; else way=packages; fi ;;
  pull | packages | local) ;;
  *) die "usage: images.sh [auto|pull|packages|local]" ;;
esac

# root NAME FORMAT_OPTIONS...: makes an image of Debian's packages, unless the one that is there was made the same way.
root() {
  local name=$1 what
  shift
  what=$(printf '%s\n' "$@" "$(date +%G-%V)" "$(cat deploy/local/postgres.sh)" | sha256sum | cut -c1-16)
  if [ "$("$docker" image inspect --format '{{index .Config.Labels "org.solvent.root"}}' "$name" 2>/dev/null)" = "$what" ]; then return 0; fi
  command -v mmdebstrap >/dev/null || apt_install mmdebstrap
  say "making $name of Debian's packages"
  if [ -z "${sources:-}" ]; then
    sources=$(apt-get indextargets --format 'deb $(SITE) $(RELEASE) main' 'Created-By: Packages' 'Component: main' 2>/dev/null \
      | grep -E ' bookworm(-updates|-security)? main$' | sort -u) || true
    if [ -n "${SOLVENT_DEBIAN_MIRROR:-}" ]; then sources="deb $SOLVENT_DEBIAN_MIRROR bookworm main"; fi
    [ -n "$sources" ] || sources="deb http://deb.debian.org/debian bookworm main"
    { apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries)' || true; } >"$work/apt.conf"
    echo 'APT::Install-Recommends "false";' >>"$work/apt.conf"
  fi
  mapfile -t lines <<<"$sources"
  "${sudo_command[@]}" mmdebstrap --variant=essential --format=tar --aptopt="$work/apt.conf" \
    --dpkgopt=path-exclude='/usr/share/man/*' --dpkgopt=path-exclude='/usr/share/locale/*' --dpkgopt=path-exclude='/usr/share/doc/*' \
    "$@" bookworm "$work/root.tar" "${lines[@]}" >"$work/log" 2>&1 || die "mmdebstrap failed: $(tail -n 5 "$work/log" | cut -c1-600)"
  "$docker" import --change "LABEL org.solvent.root=$what" "$work/root.tar" "$name" >/dev/null
  rm -f "$work/root.tar"
}

secrets=()
{
  echo '[global]'
  index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null || true)}
  [ -z "$index" ] || echo "index-url = $index"
  certificates=${PIP_CERT:-$("$python" -m pip config get global.cert 2>/dev/null || true)}
  if [ -n "$certificates" ]; then echo 'cert = /run/secrets/ca_bundle'; fi
} >"$work/pip.conf"
secrets+=(--secret "id=pip_conf,src=$work/pip.conf")
if grep -q '^cert' "$work/pip.conf"; then
  cp "$certificates" "$work/ca_bundle"
  secrets+=(--secret "id=ca_bundle,src=$work/ca_bundle")
fi

arguments=(--label org.solvent.stack=1 "${secrets[@]}")
case $way in
  pull) ;;
  *)
    root "$base" --include=python3,python3-venv,ca-certificates,passwd,libstdc++6,tzdata
    arguments+=(--network host --build-arg "BASE=$base")
    ;;
esac

# build TAG OPTIONS...
build() {
  local name=$1 seconds=$SECONDS before
  shift
  before=$("$docker" image inspect --format '{{.Id}}' "$name" 2>/dev/null) || true
  "$docker" build --quiet --tag "$name" "${arguments[@]}" "$@" . >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; die "could not build $name"; }
  if [ -n "$before" ] && [ "$before" != "$("$docker" image inspect --format '{{.Id}}' "$name")" ]; then
    "$docker" image rm "$before" >/dev/null 2>&1 || true
  fi
  say "$name: $("$docker" image inspect --format '{{.Size}}' "$name" | awk '{printf "%d MB", $1 / 1e6}'), $((SECONDS - seconds)) s"
}

build "solvent-starter:$tag" --file deploy/images/Dockerfile --target starter
build "solvent-service:$tag" --file deploy/images/Dockerfile --target service
if [ "$way" = local ]; then
  root solvent-local-servers:bookworm --include=redis-server,postgresql,prometheus \
    --customize-hook="install -D -m 644 $PWD/deploy/local/postgres.sh \"\$1/usr/local/share/solvent/postgres.sh\"" \
    --customize-hook='chroot "$1" install -d -o redis -g redis /data' \
    --customize-hook='chroot "$1" install -d -o prometheus -g prometheus /prometheus' \
    --customize-hook='chroot "$1" install -d -m 700 -o postgres -g postgres /var/lib/postgresql/data'
fi
