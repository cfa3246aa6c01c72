// tries: processes that hold files which have no name any more
// file_size_mb: 64
// memory_mb: 256
#include "hostile.h"

int main(void)
{
    static char block[1 << 20];
    for (int n = 0; n < 3; n++) {
        int fd = open("/tmp/gone", O_CREAT | O_RDWR | O_TRUNC, 0600);
        for (int part = 0; part < 15; part++)
            write(fd, block, sizeof block);
        unlink("/tmp/gone");
        if (fork() == 0) {
            setsid();
            for (;;)
                pause();
        }
    }
    return finish();
}
