#!/bin/sh
# In place of py3compile and pypy3compile while packages are installed; finish.sh compiles all modules at once.
exit 0
