// tries: a hundred generations of orphans, the last ones left sleeping
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 100; n++) {
        pid_t pid = fork();
        if (pid == -1)
            break;
        if (pid > 0) {
            if (n == 0)
                return usleep(30000), finish();
            if (n % 5 == 0)
                pause();
            _exit(0);
        }
    }
    pause();
}
