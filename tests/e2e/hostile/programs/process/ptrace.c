// tries: traces PID 1, itself, and its own children
#include "hostile.h"
#include <sys/ptrace.h>

int main(void)
{
    REFUSED(ptrace(PTRACE_ATTACH, 1, 0, 0));
    REFUSED(ptrace(PTRACE_SEIZE, 1, 0, 0));
    REFUSED(ptrace(PTRACE_TRACEME, 0, 0, 0));
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    REFUSED(ptrace(PTRACE_SEIZE, child, 0, 0));
    return finish();
}
