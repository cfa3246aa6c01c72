#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system.h"

static _Noreturn void give_up(int status, const char *step) {
    struct status_report report = {.error = errno};
    snprintf(report.step, sizeof report.step, "%s", step);
    write_all(status, &report, sizeof report);
    _exit(1);
}

uint64_t largest_file(const struct limits *limits) {
    uint64_t output = limits->output_bytes + 4096;
    return limits->file_bytes > output ? limits->file_bytes : output;
}

/* Have the kernel choose the program, never the supervisor, when the box runs out of memory. */
static int prefer_for_oom_kill(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int failed = write_all(fd, "1000", 4);
    close(fd);
    return failed;
}

/* Straight to the kernel: the C library would tell threads that are not there, and in the zygote's children asks its
 * idea of the parent's. */
static int switch_user(int64_t uid) {
    if (uid < 0) return 0;
    if (syscall(SYS_setgroups, 0, NULL) != 0) return -1;
    if (syscall(SYS_setresgid, uid, uid, uid) != 0) return -1;
    return (int)syscall(SYS_setresuid, uid, uid, uid);
}

static int make_parents(const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s", name);
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST) return -1;
        *slash = '/';
    }
    return 0;
}

static int write_file(const struct file *file) {
    if (make_parents(file->name) != 0) return -1;
    int fd = open(file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file->mode);
    struct stat about;
    if (fd < 0 || fstat(file->content, &about) != 0) return -1;
    off_t offset = 0;
    while (offset < about.st_size) {
        if (sendfile(fd, file->content, &offset, (size_t)(about.st_size - offset)) <= 0) return -1;
    }
    return close(fd);
}

static int limit(int kind, rlim_t soft, rlim_t hard) {
    struct rlimit most;
    if (getrlimit(kind, &most) != 0) return -1;
    if (soft > most.rlim_max) soft = most.rlim_max;
    if (hard > most.rlim_max) hard = most.rlim_max;
    return setrlimit(kind, &(struct rlimit){soft, hard});
}

static int set_limits(const struct start *start) {
    const struct limits *limits = &start->limits;
    /* The supervisor stops a run at its CPU limit. The kernel's backstop lies well beyond: it counts ticks, and on a
       busy machine, above all a virtual one, a tenth more of them than the time that a run really had. */
    rlim_t cpu_s = 2 * (rlim_t)limits->cpu_s + 2, file = largest_file(limits);
    int failed = limit(RLIMIT_CPU, cpu_s, cpu_s + 1) | limit(RLIMIT_FSIZE, file, file)
        | limit(RLIMIT_STACK, limits->stack_bytes, limits->stack_bytes)
        | limit(RLIMIT_NOFILE, limits->open_files, limits->open_files) | limit(RLIMIT_CORE, 0, 0)
        | limit(RLIMIT_MEMLOCK, 0, 0) | limit(RLIMIT_MSGQUEUE, 0, 0) | limit(RLIMIT_SIGPENDING, 256, 256)
        | limit(RLIMIT_NPROC, limits->processes, limits->processes);
    if (start->limit_data) {
        /* Stacks of threads count in full, used or not; what is really used, the supervisor watches. */
        uint64_t most = 256u << 20, stack = limits->stack_bytes < most ? limits->stack_bytes : most;
        rlim_t data = 2 * limits->memory_bytes + (64u << 20) + limits->processes * stack;
        failed |= limit(RLIMIT_DATA, data, data);
    }
    return failed;
}

/* An anonymous file that no process maps is in nobody's memory: refused where no cgroup counts it. */
static int refuse_memory_files(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    return install_filter(filter, sizeof filter);
}

static int arrange_descriptors(const struct start *start, int *status) {
    int moved = fcntl(*status, F_DUPFD_CLOEXEC, 100);
    if (moved < 0) return -1;
    *status = moved;
    int executable = start->executable == NULL ? -1 : fcntl(start->executable->content, F_DUPFD_CLOEXEC, 100);
    if (dup2(start->in, 0) < 0 || dup2(start->out, 1) < 0 || dup2(start->err, 2) < 0) return -1;
    if (dup3(moved, STATUS_FD, O_CLOEXEC) < 0) return -1;
    *status = STATUS_FD;
    if (executable < 0) {
        close_from(STATUS_FD + 1);
        return start->executable == NULL ? 0 : -1;
    }
    if (dup3(executable, EXECUTABLE_FD, O_CLOEXEC) < 0) return -1;
    close_from(EXECUTABLE_FD + 1);
    return 0;
}

void prepare_child(const struct start *start, int status) {
    setsid();
    /* Until the switch this process is not dumpable, and /proc/self belongs to root, which we still are. */
    if (start->uid < 0 && set_dumpable(true) != 0) give_up(status, "become dumpable");
    if (prefer_for_oom_kill() != 0) give_up(status, "oom_score_adj");
    if (switch_user(start->uid) != 0) give_up(status, "switch to the run's uid");
    /* /proc/self and /dev/stdin refuse a process that is not dumpable. */
    if (set_dumpable(true) != 0) give_up(status, "become dumpable");
    if (die_with_parent() != 0) give_up(status, "die with the supervisor");
    umask(077);
    if (mkdir(start->directory, 0700) != 0) give_up(status, "make the run's directory");
    if (chdir(start->directory) != 0) give_up(status, "enter the run's directory");
    for (size_t i = 0; i < start->file_count; i++)
        if (&start->files[i] != start->executable && write_file(&start->files[i]) != 0) give_up(status, "write files");
    if (arrange_descriptors(start, &status) != 0) give_up(status, "streams");
    if (set_limits(start) != 0) give_up(status, "limits");
    if (start->limit_data && refuse_memory_files() != 0) give_up(status, "seccomp");
}

_Noreturn void become(const struct start *start, int status) {
    prepare_child(start, status);
    signal(SIGPIPE, SIG_DFL);
    if (start->executable != NULL)
        syscall(SYS_execveat, EXECUTABLE_FD, "", start->argv, start->environment, AT_EMPTY_PATH);
    else
        execve(start->argv[0], (char *const *)(uintptr_t)start->argv, (char *const *)(uintptr_t)start->environment);
    give_up(STATUS_FD, "execute");
}
