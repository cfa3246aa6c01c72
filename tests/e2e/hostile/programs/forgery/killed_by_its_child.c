// tries: has itself killed by a child, as if somebody else had done it
// accept: signal
// signal: 9
#include "hostile.h"

int main(void)
{
    if (fork() == 0) {
        kill(getppid(), SIGKILL);
        _exit(0);
    }
    for (;;)
        pause();
}
