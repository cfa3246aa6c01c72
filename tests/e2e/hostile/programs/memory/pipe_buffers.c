// tries: kernel memory of pipes, each as large as it gets
// accept: ok, memory
// expect: CONTAINED|\A\Z
#include "hostile.h"

int main(void)
{
    static char block[1 << 20];
    long total = 0;
    int ends[2];
    while (pipe2(ends, O_NONBLOCK) == 0) {
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        long part = write(ends[1], block, sizeof block);
        total += part > 0 ? part : 0;
    }
    fprintf(stderr, "%ld bytes in pipes\n", total);
    if (total > 300L << 20)
        escaped("300 MiB in pipes");
    return finish();
}
