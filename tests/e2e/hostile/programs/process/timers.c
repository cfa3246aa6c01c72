// tries: as many kernel timers as it can get, firing for ever
// cpu_s: 0.5
// wall_s: 20
// accept: ok, cpu_time, signal
// expect: CONTAINED
#include "hostile.h"

int main(void)
{
    finish();
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec often = {{0, 100000}, {0, 100000}};
    timer_t timer;
    signal(SIGRTMIN, SIG_IGN);
    for (int n = 0; n < 5000 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0; n++)
        timer_settime(timer, 0, &often, NULL);
    return 0;
}
