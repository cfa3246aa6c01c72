// tries: reads and writes the memory of other processes by system call
#include "hostile.h"
#include <sys/uio.h>

int main(void)
{
    char data[64];
    struct iovec here = {data, sizeof data}, there = {(void *)0x400000, sizeof data}, mine = {&here, sizeof here};
    for (int pid = 1; pid < 20; pid++) {
        REFUSED(process_vm_readv(pid, &here, 1, &there, 1, 0));
        REFUSED(process_vm_writev(pid, &here, 1, &there, 1, 0));
    }
    REFUSED(process_vm_readv(getpid(), &here, 1, &mine, 1, 0));
    REFUSED(syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
    int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
    for (int fd = 0; fd < 8; fd++)
        REFUSED(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
    REFUSED(syscall(440 /* process_madvise */, pidfd, &there, 1, 20, 0));
    REFUSED(syscall(448 /* process_mrelease */, pidfd, 0));
    REFUSED(syscall(SYS_move_pages, 1, 0, 0, 0, 0, 0));
    REFUSED(syscall(SYS_migrate_pages, 1, 0, 0, 0));
    void *list = NULL;
    size_t length;
    REFUSED(syscall(SYS_get_robust_list, 1, &list, &length));
    return finish();
}
