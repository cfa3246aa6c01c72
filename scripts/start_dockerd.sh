#!/usr/bin/env bash
# Make sure that a Docker engine answers: start `dockerd` where none does, if it is installed and we are root or have sudo.
# Never starts a second engine. Ends with 0 if an engine answers, 3 with one line that says why not.
set -euo pipefail

socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
socket=${socket#unix://}
# Not in /tmp: others could have put a link there.
if [ "$(id -u)" -eq 0 ]; then folder=/var/log; else folder=${XDG_CACHE_HOME:-$HOME/.cache}/solvent; fi
log=${SOLVENT_DOCKERD_LOG:-$folder/solvent-dockerd.log}
wait_s=${SOLVENT_DOCKERD_WAIT_S:-60}

say() { printf 'docker: %s\n' "$*" >&2; }
die() { printf 'docker: no engine: %s\n' "$*" >&2; exit 3; }

# Only the socket counts: another program named `docker` may come first on PATH.
answers() { curl -fsS --max-time 5 --unix-socket "$socket" http://engine/_ping >/dev/null 2>&1; }

# runs NAME: whether a process of this name runs. A killed one that nobody has waited for (a zombie) does not.
runs() {
  local stat line
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    case $line in *"($1) Z "*) ;; *"($1) "*) return 0 ;; esac
  done
  return 1
}

case $socket in /*) ;; *) die "DOCKER_HOST=$DOCKER_HOST is not a local socket, and nothing is started for it" ;; esac
command -v curl >/dev/null || die "curl is not installed"
if answers; then exit 0; fi
if [ -S "$socket" ] && ! [ -w "$socket" ]; then
  die "you may not use $socket: add yourself to the group docker (sudo usermod -aG docker $(id -un)) and log in again"
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || die "the engine does not answer on $socket; start it (sudo systemctl start docker)"
  as_root=(sudo -n)
fi
PATH=$PATH:/usr/sbin:/sbin
command -v dockerd >/dev/null || die "dockerd is not installed (apt-get install docker.io)"

mkdir -p "$(dirname "$log")"
exec 9>"$log.lock"
flock 9
if ! answers; then
  if [ -d /run/systemd/system ] && systemctl list-unit-files docker.service >/dev/null 2>&1; then
    say "starting docker.service"
    "${as_root[@]}" systemctl start docker.service || die "docker.service did not start: journalctl -u docker"
  elif runs dockerd; then
    say "dockerd runs already; waiting for $socket"
  else
    say "starting dockerd (log: $log)"
    # An engine that was killed leaves these, and a new one takes a zombie's number in them for a living engine.
    "${as_root[@]}" rm -f /var/run/docker.pid
    runs containerd || "${as_root[@]}" rm -f /var/run/docker/containerd/containerd.pid
    # 9>&-: the engine outlives this script and must not keep the lock.
    setsid nohup "${as_root[@]}" dockerd >>"$log" 2>&1 </dev/null 9>&- &
  fi
  for _ in $(seq "$((wait_s * 5))"); do
    if answers; then break; fi
    sleep 0.2
  done
fi
answers || die "dockerd did not answer within $wait_s s: $(tail -n 1 "$log" 2>/dev/null | cut -c1-300)"
