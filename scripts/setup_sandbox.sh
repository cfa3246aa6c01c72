#!/usr/bin/env bash
# Prepare the sandbox.  usage: setup_sandbox.sh demo|all
#   demo  the first that is there or can be had: bubblewrap, the image in a Docker engine, building the image
#   all   both backends, for the tests: bubblewrap, compilers, a Docker engine and the image
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

image() { .venv/bin/python -m solvent.sandbox.images.build "$@"; }
engine_answers() { .venv/bin/python -c 'import docker; docker.from_env(timeout=5).ping()' 2>/dev/null; }
bubblewrap_works() { command -v bwrap >/dev/null && bwrap --unshare-all --ro-bind / / true 2>/dev/null; }

prepare_one() {
  if bubblewrap_works; then apt_install python3; return 0; fi
  if image check 2>/dev/null; then return 0; fi
  if can_install; then
    apt_install bubblewrap python3
    if bubblewrap_works; then return 0; fi
    say "bubblewrap cannot make namespaces here; trying Docker"
  fi
  scripts/start_dockerd.sh && scripts/sandbox_image.sh \
    || die "no sandbox: install bubblewrap (needs user namespaces) or start a Docker engine that you may use"
}

case ${1:-demo} in
  demo) prepare_one ;;
  all)
    packages=(bubblewrap python3 g++ debootstrap curl ca-certificates)
    # Another engine (docker-ce, say) must not be replaced by Debian's.
    if ! engine_answers && ! command -v dockerd >/dev/null; then packages+=(docker.io); fi
    apt_install "${packages[@]}"
    scripts/start_dockerd.sh
    scripts/sandbox_image.sh
    ;;
  *) die "usage: setup_sandbox.sh demo|all" ;;
esac
