// tries: starts threads without end
#include "hostile.h"

static void *wait_for_ever(void *unused)
{
    pause();
    return unused;
}

int main(void)
{
    pthread_t thread;
    int count = 1;
    while (count < 500 && pthread_create(&thread, NULL, wait_for_ever, NULL) == 0)
        count++;
    fprintf(stderr, "%d threads\n", count);
    if (count > 32)
        escaped("more threads than the limit");
    finish();
    _exit(0);
}
