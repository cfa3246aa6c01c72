// tries: includes a device that never ends
// compile: error, time, memory
// compile_s: 1
#include </dev/zero>
int main(void) { return 0; }
