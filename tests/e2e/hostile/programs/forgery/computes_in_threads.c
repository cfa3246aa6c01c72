// tries: its threads compute while the first sleeps
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
// cpu_at_least: 0.3
#include "hostile.h"

static void *work(void *unused)
{
    spin();
    return unused;
}

int main(void)
{
    pthread_t thread;
    for (int n = 0; n < 4; n++)
        pthread_create(&thread, NULL, work, NULL);
    for (;;)
        pause();
}
