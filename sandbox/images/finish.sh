#!/bin/sh
# Runs as root inside the new root file system, after the packages: the last steps that make it a sandbox.
# /solvent/build holds what `python -m solvent.sandbox.images.build context` wrote.
set -eu
export LC_ALL=C.UTF-8 HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin

# Python's modules, in a form that needs no look at the source: the root is read-only.
rm -f /usr/bin/py3compile /usr/bin/pypy3compile
# Lines that every start of an interpreter would execute.
rm -f /usr/lib/python3/dist-packages/*.pth
python3 -I -m compileall -q -j 0 -f --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.[0-9]* >/dev/null || true
# Nothing is dated later than this, now and at the end: some of what follows remembers the dates of files.
settle() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}
settle
sh -e /solvent/build/prepare.sh
mkdir -p /w /solvent
python3 -I /solvent/build/sbom.py >/solvent/sbom.json

cd /
rm -rf var/lib/apt var/cache var/log var/backups var/lib/dpkg/info var/lib/dpkg/*-old var/lib/dpkg/lock* \
  etc/dpkg/dpkg.cfg.d usr/share/man usr/share/locale usr/share/info usr/share/lintian usr/share/bug usr/share/icons \
  usr/share/applications usr/share/javascript usr/share/gdb \
  etc/ssl/certs etc/machine-id etc/hostname etc/resolv.conf etc/passwd- etc/group- etc/shadow- etc/gshadow-
mkdir -p var/cache var/log var/lib/apt
find etc/apt ! -type d ! -name 00mmdebstrap -delete  # that one is mmdebstrap's own, which removes it
find usr/share/doc -mindepth 1 ! -type d ! -name copyright -delete
find usr/share/doc -mindepth 1 -type d -empty -delete
find . -xdev -perm /6000 -type f -exec chmod ug-s {} +
# mmdebstrap keeps its settings in /tmp until it ends: without them its apt would work on the machine itself.
find tmp run root -mindepth 1 -maxdepth 1 ! -name 'mmdebstrap*' -exec rm -rf {} +
settle
