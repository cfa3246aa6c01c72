// tries: children whose end sends SIGKILL, SIGSTOP or nothing to their parent, orphaned to PID 1
#include "hostile.h"

int main(void)
{
    int signals[] = {SIGKILL, SIGSTOP, SIGTERM, 0, 64};
    for (int n = 0; n < 5; n++)
        if (fork() == 0) {
            setsid();
            if (syscall(SYS_clone, signals[n], 0, 0, 0, 0) == 0) {
                usleep(10000 * n);
                _exit(0);
            }
            _exit(0);
        }
    usleep(60000);
    return finish();
}
