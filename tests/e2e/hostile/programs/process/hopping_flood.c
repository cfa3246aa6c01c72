// tries: as many hoppers as processes are allowed, each ignoring every signal
// cpu_s: 0.5
// wall_s: 20
// accept: ok, cpu_time
// expect: CONTAINED
#include "hostile.h"

int main(void)
{
    for (int n = 1; n < 65; n++)
        signal(n, SIG_IGN);
    for (int n = 0; n < 24; n++)
        if (fork() == 0) {
            setsid();
            for (;;)
                if (fork() > 0)
                    _exit(0);
        }
    finish();
    usleep(100000);
    return 0;
}
