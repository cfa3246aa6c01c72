#!/usr/bin/env bash
# Prepare the sandbox.  usage: setup_sandbox.sh demo|all
#   demo  what one backend needs: the image where a Docker engine answers, else bubblewrap
#   all   both backends, for the tests: bubblewrap, compilers, a Docker engine and the image
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

engine_answers() { .venv/bin/python -c 'import docker; docker.from_env(timeout=5).ping()' 2>/dev/null; }

case ${1:-demo} in
  demo)
    if engine_answers; then scripts/sandbox_image.sh; else apt_install bubblewrap python3; fi
    ;;
  all)
    apt_install bubblewrap python3 g++ docker.io debootstrap
    scripts/start_dockerd.sh
    scripts/sandbox_image.sh
    ;;
  *) die "usage: setup_sandbox.sh demo|all" ;;
esac
