// tries: one byte in each of many two-megabyte pieces that may become huge pages
// accept: memory
// accept@plain-user: memory, signal, exit
#include "hostile.h"

int main(void)
{
    size_t size = 4UL << 30, step = 2UL << 20;
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED)
        return 1;
    madvise(block, size, MADV_HUGEPAGE);
    for (size_t at = 0; at < size; at += step)
        fill(block + at, 1, 1);
    for (size_t at = 0; at < size / 32; at += 4096)
        fill(block + at, 1, 1);
    escaped("128 MiB");
}
