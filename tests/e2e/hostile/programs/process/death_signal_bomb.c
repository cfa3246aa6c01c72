// tries: a chain of processes that each get a stop or continue signal when their parent dies
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 12; n++) {
        prctl(PR_SET_PDEATHSIG, n % 2 ? SIGSTOP : SIGCONT, 0, 0, 0);
        if (fork() > 0) {
            if (n == 0) {
                finish();
                usleep(50000);
            }
            _exit(0);
        }
    }
    for (;;)
        pause();
}
