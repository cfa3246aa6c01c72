// tries: code on the stack and on writable pages
// accept: ok, signal
// expect: CONTAINED|\A\Z
// machine: x86_64
#include "hostile.h"

int main(void)
{
    unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, sizeof code);
    if (((int (*)(void))page)() != 42)
        return 1;
    return finish();
}
