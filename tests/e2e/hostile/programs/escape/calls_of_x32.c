// tries: a call with the bit of the x32 interface
// machine: x86_64
// accept: signal
// signal: 31
#include "hostile.h"

int main(void)
{
    syscall(0x40000000 | SYS_getpid);
    escaped("an x32 call");
    return 0;
}
