// tries: children that no longer die with their parent, under a reaper of their own
#include "hostile.h"

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    for (int n = 0; n < 10; n++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
            prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
            if (fork() == 0)
                for (;;)
                    pause();
            _exit(0);
        }
    return finish();
}
