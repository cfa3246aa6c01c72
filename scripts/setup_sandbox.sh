#!/usr/bin/env bash
# Prepare the sandbox.  usage: setup_sandbox.sh demo|all
#   demo  the quickest that works: bubblewrap with this machine's own Python and C compiler, else a Docker engine
#   all   both backends with all languages, for the tests: bubblewrap, a Docker engine, the root file system and the image
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

image_state() { .venv/bin/python -m solvent.sandbox.images.build state; }
engine_answers() { .venv/bin/python -c 'import docker; docker.from_env(timeout=5).ping()' 2>/dev/null; }
bubblewrap_works() { command -v bwrap >/dev/null && bwrap --unshare-all --ro-bind / / true 2>/dev/null; }
# The supervisor of a box is compiled on this machine, statically.
compiler_works() {
  local out
  out=$(mktemp) || return 1
  echo 'int main(void) { return 0; }' | cc -static -x c -o "$out" - 2>/dev/null
  local result=$?
  rm -f "$out"
  return "$result"
}
prepare_compiler() { compiler_works || apt_install gcc libc6-dev; }

prepare_one() {
  # The quick look first: nothing is to be done on a machine that is ready.
  if bubblewrap_works && [ -x /usr/bin/python3 ] && compiler_works; then return 0; fi
  # A root file system or an image holds a supervisor.
  if image_state 2>/dev/null | grep -q ' current$'; then return 0; fi
  if ! bubblewrap_works && can_install; then apt_install bubblewrap; fi
  if bubblewrap_works; then
    apt_install python3
    prepare_compiler
    return 0
  fi
  say "bubblewrap cannot make namespaces here; trying Docker"
  if can_install; then apt_install mmdebstrap; fi
  scripts/start_dockerd.sh && scripts/sandbox_image.sh \
    || die "no sandbox: install bubblewrap (needs user namespaces) or start a Docker engine that you may use"
}

case ${1:-demo} in
  demo) prepare_one ;;
  all)
    packages=(bubblewrap python3 mmdebstrap curl ca-certificates)
    # Another engine (docker-ce, say) must not be replaced by Debian's.
    if ! engine_answers && ! command -v dockerd >/dev/null; then packages+=(docker.io); fi
    apt_install "${packages[@]}"
    prepare_compiler
    scripts/start_dockerd.sh
    scripts/sandbox_image.sh
    ;;
  *) die "usage: setup_sandbox.sh demo|all" ;;
esac
