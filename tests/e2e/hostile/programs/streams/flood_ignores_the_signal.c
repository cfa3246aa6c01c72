// tries: ignores the signal of the size limit and goes on for ever
// cpu_s: 0.4
// accept: output, cpu_time
// stdout_size: 65536
#include "hostile.h"

int main(void)
{
    static char block[65536];
    memset(block, 'x', sizeof block);
    signal(SIGXFSZ, SIG_IGN);
    for (;;)
        write(1, block, sizeof block);
}
