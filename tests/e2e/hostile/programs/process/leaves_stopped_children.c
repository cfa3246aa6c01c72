// tries: leaves stopped processes, which no SIGTERM reaches
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 20; n++)
        if (fork() == 0)
            for (;;)
                raise(SIGSTOP);
    usleep(20000);
    return finish();
}
