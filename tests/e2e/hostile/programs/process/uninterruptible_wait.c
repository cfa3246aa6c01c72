// tries: nested vforks, each waiting unkillably for the next
// wall_s: 0.6
// accept: wall_time
#include "hostile.h"

static int deeper(int depth)
{
    if (depth == 0)
        for (;;)
            pause();
    if (vfork() == 0) {
        signal(SIGTERM, SIG_IGN);
        deeper(depth - 1);
        _exit(0);
    }
    return 0;
}

int main(void)
{
    return deeper(12);
}
