#!/bin/sh
# Compile the supervisor and the zygote's library.  usage: build.sh DIRECTORY   (CC: the compiler; default cc)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
cc=${CC:-cc}
flags="-std=gnu11 -O2 -Wall -Wextra -Wshadow -Wconversion -Werror -fstack-protector-strong -D_FORTIFY_SOURCE=2"
cd "$here"
# Static: it must start in any root file system, whatever libraries that has.
$cc $flags -static -s -o "$out/supervisor.new" \
  supervisor.c request.c run.c watch.c starved.c stream.c report.c sweep.c child.c meter.c zygote_start.c wire.c system.c
# Python's own C library is used with it, so not static.
$cc $flags -fPIC -shared -s -o "$out/zygote.so.new" zygote.c child.c system.c
cp zygote.py "$out/zygote.py.new"
for name in supervisor zygote.so zygote.py; do
  chmod 755 "$out/$name.new"
  mv "$out/$name.new" "$out/$name"
done
