#!/usr/bin/env bash
# Write the lock files from pyproject.toml: exact versions with hashes, no index addresses.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
"$python" -m pip install --quiet uv
compile=("$python" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
  --no-emit-index-url --no-emit-find-links pyproject.toml)
"${compile[@]}" --extra test --extra dev --output-file requirements/dev.lock "$@"
"${compile[@]}" --constraint requirements/dev.lock --output-file requirements/base.lock "$@"
# Of the images: what the starter model's server needs, and what the service needs.
"${compile[@]}" --extra serve --constraint requirements/dev.lock --output-file requirements/starter.lock "$@"
"${compile[@]}" --extra serve --extra cluster --extra memory --extra s3 --constraint requirements/dev.lock --output-file requirements/service.lock "$@"
echo 'setuptools>=77' | "$python" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links --output-file requirements/build.lock - "$@"
