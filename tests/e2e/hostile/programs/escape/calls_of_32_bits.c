// tries: a 32-bit call, which filters by number misunderstand
// machine: x86_64
// accept: signal
// signal: 31
#include "hostile.h"

int main(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    escaped("int 0x80");
    return 0;
}
