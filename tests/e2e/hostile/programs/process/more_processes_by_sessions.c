// tries: a limit per session or group, dodged by setsid in each child
// processes: 16
#include "hostile.h"

int main(void)
{
    int count = 1;
    while (count < 200) {
        pid_t pid = fork();
        if (pid == -1)
            break;
        if (pid == 0) {
            setsid();
            if (fork() == -1)
                _exit(0);
            pause();
            _exit(0);
        }
        count++;
    }
    if (count > 16)
        escaped("more processes than the limit");
    return finish();
}
