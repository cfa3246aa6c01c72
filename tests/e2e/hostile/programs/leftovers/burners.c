// tries: leaves processes that use up the processor
// cpu_s: 1
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 8; n++)
        if (fork() == 0) {
            setsid();
            if (fork() == 0)
                spin();
            _exit(0);
        }
    return finish();
}
