// tries: siblings that live on when the program has ended
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 10; n++)
        if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0)
            for (;;)
                pause();
    return finish();
}
