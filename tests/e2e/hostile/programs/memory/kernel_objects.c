// tries: as many kernel objects as it can get: watches, events, timers, epolls
// accept: ok, memory
// expect: CONTAINED|\A\Z
#include "hostile.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

int main(void)
{
    int count = 0, watches = 0;
    int notify = inotify_init1(0);
    while (watches < 5000 && notify >= 0) {
        char name[32];
        snprintf(name, sizeof name, "d%d", watches++);
        if (mkdir(name, 0700) || inotify_add_watch(notify, name, IN_ALL_EVENTS) == -1)
            break;
    }
    while (epoll_create1(0) >= 0 && eventfd(1, 0) >= 0 && timerfd_create(CLOCK_MONOTONIC, 0) >= 0)
        count++;
    if (count > 256)
        escaped("more descriptors than the limit");
    return finish();
}
