// tries: shared anonymous memory, which is nobody's private memory
// accept: memory
// accept@plain-user: memory, signal, exit
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 400; n++) {
        char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return 1;
        fill(block, 1, 1 << 20);
        if (n % 16 == 0)
            usleep(10000);
    }
    escaped("400 MiB of shared memory");
    finish();
}
