// tries: a sibling instead of a child: PID 1 becomes its parent and could take its end for the program's
// accept: exit
// code: 3
// expect: CONTAINED
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 10; n++)
        if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == 0)
            _exit(0);
    usleep(50000);
    finish();
    return 3;
}
