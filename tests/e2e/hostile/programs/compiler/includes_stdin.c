// tries: includes the compiler's standard input, which could wait for ever
// compile: error
#include "/dev/stdin"
#include "/proc/self/fd/0"
int nothing
