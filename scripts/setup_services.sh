#!/usr/bin/env bash
# Install the servers of Redis and PostgreSQL for the tests, which start their own (no system service is started), and
# what the tests of faults break a network with.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

has_redis() { command -v redis-server >/dev/null; }
has_postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# Theirs are programs that lie outside the PATH of some users.
PATH=$PATH:/usr/sbin:/sbin
packages=()
command -v ip >/dev/null || packages+=(iproute2)
command -v iptables >/dev/null || packages+=(iptables)
has_redis || packages+=(redis-server)
has_postgres || packages+=(postgresql)
[ "${#packages[@]}" -gt 0 ] || exit 0

# What policy-rc.d answers is asked before a package starts its service: 101 forbids it. One that is there is left alone.
policy=/usr/sbin/policy-rc.d
if can_install && [ ! -e "$policy" ]; then
  trap '"${sudo_command[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${sudo_command[@]}" tee "$policy" >/dev/null
  "${sudo_command[@]}" chmod 755 "$policy"
fi
apt_install "${packages[@]}"
