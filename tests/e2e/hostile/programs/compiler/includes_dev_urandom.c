// tries: includes random bytes that never end
// compile: error, time, memory, output
// compile_s: 1
#include "/dev/urandom"
int main(void) { return 0; }
