// tries: replaces what the C library calls: malloc, exit, write
// compile: any
// accept: ok, exit, signal
// expect: .*
#include <unistd.h>
void *malloc(unsigned long size) { (void)size; return 0; }
void exit(int code) { (void)code; _exit(0); }
int main(void) { write(1, "CONTAINED\n", 10); return 0; }
