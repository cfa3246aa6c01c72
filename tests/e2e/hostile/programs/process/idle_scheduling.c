// tries: runs at the lowest priority of all, so that its CPU time comes slowly
// cpu_s: 0.3
// wall_s: 4
// accept: cpu_time, wall_time
#include "hostile.h"

int main(void)
{
    struct sched_param idle = {0};
    sched_setscheduler(0, SCHED_IDLE, &idle);
    setpriority(PRIO_PROCESS, 0, 19);
    spin();
}
