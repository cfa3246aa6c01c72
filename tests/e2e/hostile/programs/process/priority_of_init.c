// tries: takes the processor from PID 1: nice, scheduler, affinity, io priority
#include "hostile.h"

int main(void)
{
    struct sched_param idle = {0};
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    unsigned attributes[14] = {56, 5};
    REFUSED(setpriority(PRIO_PROCESS, 1, 19));
    REFUSED(setpriority(PRIO_PGRP, 1, 19));
    REFUSED(setpriority(PRIO_USER, 0, 19));
    REFUSED(setpriority(PRIO_USER, getuid(), 19));
    REFUSED(sched_setscheduler(1, SCHED_IDLE, &idle));
    REFUSED(sched_setscheduler(1, SCHED_BATCH, &idle));
    REFUSED(sched_setparam(1, &idle));
    REFUSED(sched_setaffinity(1, sizeof set, &set));
    REFUSED(syscall(SYS_sched_setattr, 1, attributes, 0));
    REFUSED(syscall(SYS_ioprio_set, 1, 1, 3 << 13));
    REFUSED(syscall(SYS_ioprio_set, 3, getuid(), 1 << 13));
    return finish();
}
