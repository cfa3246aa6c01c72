#!/bin/sh
# Precompile <bits/stdc++.h>.  usage: precompile.sh STANDARD FLAG...
# The compiler takes it for a program that is compiled with the same STANDARD and FLAGs and with
# -I/solvent/pch/STANDARD before all other folders; with any other flags it reads the header itself.
set -eu
standard=$1
shift
folder=/solvent/pch/$standard/bits
mkdir -p "$folder"
header=$(find /usr/include -path '*/bits/stdc++.h' -print -quit)
# Without address randomisation two builds come out the same.
setarch --addr-no-randomize g++ "-std=$standard" "$@" -pipe -x c++-header -o "$folder/stdc++.h.gch" "$header"
