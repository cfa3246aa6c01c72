// tries: huge pages, which the memory limit may not count
// accept: ok, memory, signal
// expect: CONTAINED|\A\Z
#include "hostile.h"

int main(void)
{
    size_t size = 256 << 20;
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (block != MAP_FAILED) {
        fill(block, 1, size);
        escaped("256 MiB of huge pages");
    }
    int fd = memfd_create("huge", MFD_HUGETLB);
    if (fd != -1 && ftruncate(fd, 16 << 20) == 0) {
        block = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (block != MAP_FAILED) {
            fill(block, 1, 16 << 20);
            escaped("huge pages in a memory file");
        }
    }
    return finish();
}
