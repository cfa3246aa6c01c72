// tries: ends with success before main
// expect: \A\Z
#include "hostile.h"

__attribute__((constructor)) static void before(void) { _exit(0); }
int main(void) { return 1; }
