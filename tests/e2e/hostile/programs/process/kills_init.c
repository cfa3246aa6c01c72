// tries: every signal at PID 1 and the processes near it
#include "hostile.h"

int main(void)
{
    for (int pid = 1; pid < 10; pid++)
        for (int number = 1; number < 65; number++)
            if (pid != getpid())
                kill(pid, number);
    union sigval value = {.sival_ptr = (void *)1};
    for (int number = 1; number < 65; number++)
        sigqueue(1, number, value);
    int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
    for (int number = 1; number < 65 && pidfd >= 0; number++)
        syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
    return finish();
}
