// tries: the first thread ends while another computes on, so that the process looks dead
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
#include "hostile.h"

static void *work(void *unused)
{
    spin();
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_exit(NULL);
}
