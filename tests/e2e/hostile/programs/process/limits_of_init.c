// tries: takes CPU time, files, processes and memory from PID 1 by prlimit
#include "hostile.h"

int main(void)
{
    struct rlimit nothing = {0, 0}, old;
    for (int pid = 1; pid < 40; pid++) {
        if (pid == getpid())
            continue;
        for (int resource = 0; resource < 16; resource++) {
            if (pid == 1)
                REFUSED(prlimit(pid, resource, &nothing, NULL));
            else
                REFUSED(prlimit(pid, resource, &nothing, &old));
        }
    }
    return finish();
}
