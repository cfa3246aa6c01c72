// tries: ends while a daemon holds its output open
// connected: yes
#include "hostile.h"

int main(void)
{
    finish();
    for (int n = 0; n < 5; n++)
        if (fork() == 0) {
            setsid();
            for (;;)
                pause();
        }
    return 0;
}
