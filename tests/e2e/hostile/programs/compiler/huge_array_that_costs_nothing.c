// tries: legitimate: a large array without content, of which little is used
// expect: \A0\Z
#include <stdio.h>
static char data[1 << 28];
int main(int argc, char **argv) { (void)argv; printf("%d", data[argc * 4096]); return 0; }
