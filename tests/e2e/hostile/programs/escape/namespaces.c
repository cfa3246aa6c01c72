// tries: new namespaces by every call and flag, and those of PID 1
#include "hostile.h"

int main(void)
{
    unsigned long flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80,
                             CLONE_NEWUSER | CLONE_NEWNS};
    for (unsigned n = 0; n < sizeof flags / sizeof *flags; n++) {
        REFUSED(unshare((int)flags[n]));
        if (flags[n] == 0x80)
            continue;
        long pid = syscall(SYS_clone, flags[n] | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            _exit(0);
        REFUSED(pid);
    }
    REFUSED(unshare(CLONE_FS));
    unsigned long arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
    long pid = syscall(435, arguments, sizeof arguments);
    if (pid == 0)
        _exit(0);
    REFUSED(pid);
    const char *names[] = {"mnt", "user", "pid", "net", "ipc", "uts", "cgroup"};
    for (int n = 0; n < 7; n++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/ns/%s", names[n]);
        REFUSED(setns(open(path, O_RDONLY), 0));
        snprintf(path, sizeof path, "/proc/1/ns/%s", names[n]);
        REFUSED(open(path, O_RDONLY));
    }
    REFUSED(setns((int)syscall(SYS_pidfd_open, 1, 0), CLONE_NEWNS));
    return finish();
}
