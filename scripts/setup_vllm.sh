#!/usr/bin/env bash
# Make .venv-vllm with the CPU build of vLLM (requirements/vllm.lock), apart from .venv: its packages are older or newer
# than ours, and weigh 3 GB. Does nothing where the lock has not changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

lock=requirements/vllm.lock
stamp=.venv-vllm/.solvent-vllm
wanted=$(sha256sum < "$lock" | cut -d' ' -f1)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

[ -x .venv/bin/python ] || die "run scripts/setup.sh dev first"
[ "$(df -Pk . | awk 'NR == 2 {print $4}')" -gt 8000000 ] || die "needs 8 GB of free disk for vLLM"
[ -x .venv-vllm/bin/python ] || { say "making .venv-vllm"; .venv/bin/python -m venv .venv-vllm; }
say "installing $(grep -c '==' "$lock") locked packages for vLLM ($lock, 3 GB), some minutes"
log=.venv-vllm/install.log
if ! nice -n 10 .venv-vllm/bin/python -m pip --disable-pip-version-check install --no-deps --no-compile -r "$lock" > "$log" 2>&1; then
  tail -n 20 "$log" >&2
  die "pip could not install the packages of $lock (whole log: $log)"
fi
# A CUDA build of torch would be found first on most machines, and vLLM's CPU build does not run on it.
if ! .venv-vllm/bin/python -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; then
  die "pip found a CUDA build of torch: set PIP_INDEX_URL or PIP_FIND_LINKS to a place with torch's CPU build, remove .venv-vllm and try again"
fi
printf '%s' "$wanted" > "$stamp"
