// tries: arguments whose upper halves a filter may overlook and the kernel cuts off
#include "hostile.h"

int main(void)
{
    REFUSED(syscall(SYS_socket, 0x100000002UL, SOCK_STREAM, 0));
    REFUSED(syscall(SYS_socket, 0x100000010UL, SOCK_RAW, 0));
    struct rlimit nothing = {0, 0};
    REFUSED(syscall(SYS_prlimit64, 0x100000001UL, RLIMIT_CPU, &nothing, NULL));
    REFUSED(syscall(SYS_setpriority, 0x100000000UL, 0x100000001UL, 19));
    REFUSED(syscall(SYS_personality, 0x100400000UL));
    long pid = syscall(SYS_clone, 0x110000000UL | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    REFUSED(pid);
    return finish();
}
