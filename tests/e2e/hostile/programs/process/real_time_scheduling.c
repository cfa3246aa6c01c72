// tries: a real-time priority, so that nothing else runs
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
// expect: \ACONTAINED
#include "hostile.h"

int main(void)
{
    struct sched_param first = {.sched_priority = 99};
    unsigned long long deadline[8] = {48ULL | 6ULL << 32, 0, 0, 900000, 1000000, 1000000};
    REFUSED(sched_setscheduler(0, SCHED_FIFO, &first));
    REFUSED(sched_setscheduler(0, SCHED_RR, &first));
    REFUSED(syscall(SYS_sched_setattr, 0, deadline, 0));
    REFUSED(setpriority(PRIO_PROCESS, 0, -20));
    finish();
    spin();
}
