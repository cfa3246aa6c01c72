// tries: an output that is long but has no content: a hole of tens of mebibytes, and more than a reader may take
// accept: output
// expect: \Abefore\n\0+\Z
// stdout_size: 65536
#include "hostile.h"

int main(void)
{
    write(1, "before\n", 7);
    signal(SIGXFSZ, SIG_IGN);
    REFUSED(ftruncate(1, 1L << 40));
    REFUSED(pwrite(1, "x", 1, 1L << 40));
    for (long size = 48L << 20; size > 65536 && ftruncate(1, size); size -= 65536) {
    }
    return 0;
}
