#define _GNU_SOURCE
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void *need(void *memory) {
    if (memory == NULL) _exit(4);
    return memory;
}

double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double process_cpu_s(pid_t pid) {
    /* The clock of a process, as clock_getcpuclockid(3) puts it together, without its check. */
    clockid_t clock = (clockid_t)((~(unsigned)pid << 3) | 2u);
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int set_dumpable(bool dumpable) { return prctl(PR_SET_DUMPABLE, dumpable ? 1L : 0L, 0L, 0L, 0L); }
int no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L); }
int die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L); }

int install_filter(const void *filter, size_t size) {
    struct sock_fprog program = {
        .len = (unsigned short)(size / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)(uintptr_t)filter,
    };
    return prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &program, 0L, 0L);
}

uint64_t held_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    if (syscall(SYS_capget, &header, data) != 0) return 0;
    return (uint64_t)data[1].effective << 32 | data[0].effective;
}

int keep_capabilities(uint64_t wanted) {
    for (unsigned long capability = 0; capability < 64; capability++)
        if (!(wanted >> capability & 1)) prctl(PR_CAPBSET_DROP, capability, 0L, 0L, 0L);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    uint32_t low = (uint32_t)wanted, high = (uint32_t)(wanted >> 32);
    struct __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
    return (int)syscall(SYS_capset, &header, data);
}

int mount_tmpfs(const char *path, const char *options, bool executable) {
    unsigned long flags = MS_NOSUID | MS_NODEV | (executable ? 0 : MS_NOEXEC);
    return mount("tmpfs", path, "tmpfs", flags, options);
}

int memory_file(const char *name, bool sealable) {
    return memfd_create(name, MFD_CLOEXEC | (sealable ? MFD_ALLOW_SEALING : 0u));
}

static int seal(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE); }

int memory_file_with(const char *name, const void *content, size_t size) {
    int fd = memory_file(name, true);
    if (fd < 0) return -1;
    if (write_all(fd, content, size) != 0 || lseek(fd, 0, SEEK_SET) != 0 || seal(fd) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int write_all(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        ssize_t part = write(fd, at, size);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) return -1;
        at += part;
        size -= (size_t)part;
    }
    return 0;
}

long read_small(int fd, char *text, size_t room) {
    ssize_t size = pread(fd, text, room - 1, 0);
    text[size > 0 ? size : 0] = 0;
    return size;
}

void close_from(int first) {
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0) return;
    /* Kernels before 5.9, gVisor. */
    for (int fd = first; fd < 65536; fd++) close(fd);
}

void default_signals(void) {
    /* Straight to the kernel: the C library keeps two signals to itself, which a parent may have left ignored. */
    struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action = {0};
    for (long number = 1; number <= 64; number++)
        syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &action.mask, NULL, sizeof action.mask);
}
