// tries: locks memory
#include "hostile.h"

int main(void)
{
    char *block = malloc(8 << 20);
    fill(block, 1, 8 << 20);
    REFUSED(mlock(block, 8 << 20));
    REFUSED(mlockall(MCL_CURRENT | MCL_FUTURE));
    REFUSED((long)mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
    struct rlimit more = {1 << 30, 1 << 30};
    REFUSED(setrlimit(RLIMIT_MEMLOCK, &more));
    return finish();
}
