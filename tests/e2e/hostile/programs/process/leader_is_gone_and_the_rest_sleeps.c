// tries: the first thread ends while another sleeps for ever
// wall_s: 0.6
// accept: wall_time
#include "hostile.h"

static void *work(void *unused)
{
    for (;;)
        pause();
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_exit(NULL);
}
