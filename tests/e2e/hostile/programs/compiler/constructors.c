// tries: runs before main and after it, and ends with success
// accept: exit
// code: 7
// expect: \Abefore\nCONTAINED\nafter\n\Z
#include "hostile.h"

__attribute__((constructor)) static void before(void) { puts("before"); }
__attribute__((destructor)) static void after(void) { puts("after"); fflush(stdout); _exit(7); }

int main(void) { return finish(); }
