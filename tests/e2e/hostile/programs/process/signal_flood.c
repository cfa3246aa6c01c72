// tries: floods PID 1 and itself with queued signals
#include "hostile.h"

int main(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    union sigval value = {.sival_int = 1};
    int count = 0;
    while (count < 20000 && sigqueue(getpid(), SIGRTMIN + 1, value) == 0)
        count++;
    for (int n = 0; n < 2000; n++)
        sigqueue(1, SIGRTMIN + 2, value);
    if (count > 1000)
        escaped("more pending signals than the limit");
    return finish();
}
