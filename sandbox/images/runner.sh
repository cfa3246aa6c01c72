#!/bin/sh
# Runs as root inside the root file system: (re)build the supervisor in it and give it its content id.
set -eu
export LC_ALL=C.UTF-8 HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin
# A root that shares its files with this one must keep its own.
rm -f /solvent/supervisor /solvent/zygote.so /solvent/zygote.py /solvent/base /solvent/content /solvent/languages
sh /solvent/build/runner/build.sh /solvent
cp /solvent/build/base /solvent/build/content /solvent/build/languages /solvent/
chmod 644 /solvent/base /solvent/content /solvent/languages
rm -rf /solvent/build
find /solvent -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
