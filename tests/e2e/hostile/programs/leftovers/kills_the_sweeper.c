// tries: kills with the same uid whatever comes to clean up
// box: any
#include "hostile.h"

int main(void)
{
    for (int n = 1; n < 32; n++)
        signal(n, SIG_IGN);
    for (int n = 0; n < 24; n++)
        if (fork() == 0) {
            setsid();
            usleep(3000);
            for (;;) {
                kill(-1, SIGTERM);
                for (int pid = getpid(); pid < getpid() + 40; pid++)
                    if (pid != getpid())
                        kill(pid, SIGKILL);
            }
        }
    return finish();
}
