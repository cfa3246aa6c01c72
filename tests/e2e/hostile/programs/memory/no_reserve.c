// tries: reserves 256 GiB (which is free) and touches pages far apart
// accept: memory
// accept@plain-user: memory, signal, exit
#include "hostile.h"

int main(void)
{
    size_t size = 256UL << 30, step = 4UL << 20;
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED)
        return 1;
    for (size_t at = 0; at < size; at += step)
        fill(block + at, 1, 1);
    escaped("256 MiB in single pages");
}
