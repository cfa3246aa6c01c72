// tries: reserves all space by fallocate, unlinks the file and leaves a process that holds it
// accept: ok, memory
// expect: CONTAINED|\A\Z
// file_size_mb: 200
#include "hostile.h"

int main(void)
{
    int fd = open("/tmp/held", O_CREAT | O_RDWR, 0600);
    for (long size = 128L << 20; size > 4096 && fallocate(fd, 0, 0, size); size -= 1 << 20) {
    }
    unlink("/tmp/held");
    if (fork() == 0)
        for (;;)
            pause();
    return finish();
}
