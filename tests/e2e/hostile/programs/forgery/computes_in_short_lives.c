// tries: a chain of processes that each compute for a moment and are nobody's children in the end
// cpu_s: 0.4
// wall_s: 20
// accept: cpu_time
// cpu_at_least: 0.4
#include "hostile.h"

int main(void)
{
    if (fork() == 0)
        for (;;) {
            burn(0.004);
            if (fork() > 0)
                _exit(0);
            setsid();
        }
    for (;;)
        pause();
}
