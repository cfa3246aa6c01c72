// tries: a child stops its parent again and again
// cpu_s: 5
// wall_s: 0.6
// accept: wall_time, cpu_time
#include "hostile.h"

int main(void)
{
    pid_t parent = getpid();
    if (fork() == 0)
        for (;;) {
            kill(parent, SIGSTOP);
            usleep(1000);
        }
    for (;;)
        pause();
}
