#!/usr/bin/env bash
# Make what docker-compose.yml needs beside images: secrets/ with random passwords, and .env with the group of the engine's socket.
# What is there already is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

folder=${SOLVENT_SECRETS:-secrets}
# Containers of other users read the files, which only whoever may enter the folder can do on this machine.
mkdir -p "$folder"
chmod 700 "$folder"

# secret NAME CONTENT
secret() {
  [ -s "$folder/$1" ] || (umask 077 && printf '%s' "$2" >"$folder/$1")
  chmod 444 "$folder/$1"
}
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

secret postgres_password "$(random)"
secret redis_password "$(random)"
secret grafana_password "$(random)"
secret database_url "postgresql://solvent:$(cat "$folder/postgres_password")@postgres:5432/solvent"
secret redis_url "redis://:$(cat "$folder/redis_password")@redis:6379/0"

socket=${SOLVENT_DOCKER_SOCKET:-/var/run/docker.sock}
if [ -S "$socket" ] && ! grep -qs '^SOLVENT_DOCKER_GID=' .env; then
  echo "SOLVENT_DOCKER_GID=$(stat -c %g "$socket")" >>.env
  say "the engine's socket belongs to group $(stat -c %g "$socket") (.env)"
fi
say "secrets are in $folder/; Grafana's user is admin, its password is in $folder/grafana_password"
