# Shared by the set-up scripts: says what is installed, and in one line what is missing when it cannot go on.
say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: cannot go on: %s\n' "$*" >&2; exit 3; }

sudo_command=()
if [ "$(id -u)" -ne 0 ]; then sudo_command=(sudo -n); fi

# can_install: whether apt_install could install something.
can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }
}

# apt_install PACKAGE...: installs those that are not there. Needs Debian and root or password-less sudo.
apt_install() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "needs ${missing[*]}, and there is no apt-get to install them with"
  can_install || die "needs ${missing[*]}: run 'sudo apt-get install ${missing[*]}' and try again"
  say "installing Debian packages: ${missing[*]}"
  "${sudo_command[@]}" apt-get update -qq || die "apt-get update failed"
  "${sudo_command[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || die "apt-get could not install ${missing[*]}"
}
