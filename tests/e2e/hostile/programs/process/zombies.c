// tries: leaves zombies that nobody waited for
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 300; n++)
        if (fork() == 0)
            _exit(n);
    usleep(20000);
    return finish();
}
