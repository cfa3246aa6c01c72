// tries: files in memory that are written and never mapped
// accept: memory
// accept@plain-user: memory, signal, exit
#include "hostile.h"

int main(void)
{
    static char block[1 << 20];
    fill(block, 1, sizeof block);
    for (int n = 0; n < 50; n++) {
        int fd = memfd_create("hidden", 0);
        if (fd == -1)
            return 1;
        for (int part = 0; part < 8; part++)
            if (write(fd, block, sizeof block) != sizeof block)
                return 1;
        usleep(10000);
    }
    escaped("400 MiB of memory files");
    finish();
}
