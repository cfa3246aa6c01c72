// tries: more processes than its limit, all waiting, left behind
#include "hostile.h"

int main(void)
{
    int count = 1;
    while (count < 500) {
        pid_t pid = fork();
        if (pid == -1)
            break;
        if (pid == 0) {
            pause();
            _exit(0);
        }
        count++;
    }
    if (count > 32)
        escaped("more processes than the limit");
    return finish();
}
