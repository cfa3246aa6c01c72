// tries: a thread that is not the first executes another program, which takes over the pid
// expect: \ACONTAINED
#include "hostile.h"

static void *work(void *unused)
{
    execl("/bin/echo", "echo", "CONTAINED", NULL);
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pause();
}
