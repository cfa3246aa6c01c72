// tries: forks and exits for ever, so that no pid lives long enough to be killed
#include "hostile.h"

int main(void)
{
    finish();
    for (int n = 0; n < 4; n++)
        if (fork() == 0)
            for (;;) {
                if (fork() > 0)
                    _exit(0);
                if (getpid() % 7 == 0)
                    setsid();
            }
    return 0;
}
