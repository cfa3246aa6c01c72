#!/usr/bin/env bash
# Make .venv with the locked packages and this checkout in it.  usage: setup.sh base|dev
# Does nothing where the locks have not changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

what=${1:-base}
lock=requirements/$what.lock
[ -f "$lock" ] || die "there is no $lock"

python=""
for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
  [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
  apt_install python3
  python=python3
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "needs Python 3.11 or newer"
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then apt_install python3-venv; fi

stamp=.venv/.solvent-$what
wanted=$(cat "$lock" requirements/build.lock pyproject.toml | sha256sum | cut -d' ' -f1)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then exit 0; fi

[ -x .venv/bin/python ] || { say "making .venv with $("$python" --version)"; "$python" -m venv .venv; }
pip=(.venv/bin/python -m pip --disable-pip-version-check install --quiet)
say "installing $(grep -c '==' "$lock") locked Python packages ($lock), about a minute"
"${pip[@]}" --require-hashes -r requirements/build.lock || die "pip could not install the build tools"
"${pip[@]}" --require-hashes -r "$lock" || die "pip could not install the packages of $lock"
"${pip[@]}" --no-deps --no-build-isolation -e . || die "pip could not install this checkout"
# The development lock holds the base: both are satisfied by it.
printf '%s' "$wanted" > "$stamp"
if [ "$what" = dev ]; then cat requirements/base.lock requirements/build.lock pyproject.toml | sha256sum | cut -d' ' -f1 | tr -d '\n' > .venv/.solvent-base; fi
