// tries: stops with the same uid whatever comes to clean up
// box: any
// cpu_s: 2
// accept: ok, wall_time
// expect: CONTAINED|\A\Z
#include "hostile.h"

int main(void)
{
    pid_t me = getpid();
    for (int n = 0; n < 24; n++)
        if (fork() == 0) {
            setsid();
            usleep(3000);
            for (;;)
                for (int pid = me; pid < me + 80; pid++)
                    if (pid != me && pid != getpid()) {
                        kill(pid, SIGSTOP);
                        kill(pid, SIGSTOP);
                    }
        }
    usleep(6000);
    return finish();
}
