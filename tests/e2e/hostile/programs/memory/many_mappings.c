// tries: as many separate mappings as the kernel allows
// cpu_s: 1
// accept: ok, memory, cpu_time
// expect: CONTAINED|\A\Z
#include "hostile.h"

int main(void)
{
    int count = 0;
    while (count < 200000 && mmap(NULL, 4096, count % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        count++;
    return finish();
}
