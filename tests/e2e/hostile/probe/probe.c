/* What the next compiled program finds; prints CLEAN, or one line per finding. */
#include "hostile.h"
#include <dirent.h>

extern char **environ;
static int findings;

static void finding(const char *what, long actual)
{
    printf("%s: %ld\n", what, actual);
    findings++;
}

static void check(const char *what, long actual, long wanted)
{
    if (actual != wanted)
        finding(what, actual);
}

static int entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    struct dirent *entry;
    if (!folder)
        return -1;
    while ((entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            fprintf(stderr, "%s/%s\n", path, entry->d_name);
            count++;
        }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    sigset_t set;
    struct rlimit limit;
    struct itimerval timer;
    struct sigaction action;
    int death = 0;
    (void)argv;
    for (int fd = 3; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            finding("descriptor", fd);
    for (int signal_number = 1; signal_number < 65; signal_number++)
        if (sigaction(signal_number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            finding("signal is not handled by default", signal_number);
    sigprocmask(SIG_BLOCK, NULL, &set);
    for (int signal_number = 1; signal_number < 65; signal_number++)
        if (sigismember(&set, signal_number) == 1)
            finding("signal is blocked", signal_number);
    sigpending(&set);
    for (int signal_number = 1; signal_number < 65; signal_number++)
        if (sigismember(&set, signal_number) == 1)
            finding("signal is pending", signal_number);
    check("arguments", argc, 1);
    check("own files", entries("."), 0);  /* it is executed where its content lies */
    check("/tmp", entries("/tmp"), 0);
    check("/dev/shm", entries("/dev/shm"), 0);
    check("/w", entries("/w"), 1);
    check("parent", getppid(), 1);
    check("session", getsid(0), getpid());
    check("group", getpgid(0), getpid());
    check("saved uid", geteuid() == getuid() && getegid() == getgid(), 1);
    check("root", getuid() == 0 || getgid() == 0, 0);
    check("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    check("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 2);
    check("subreaper", (prctl(PR_GET_CHILD_SUBREAPER, &death), death), 0);
    check("timer slack", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 50000);
    check("keep capabilities", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 0);
    check("umask", umask(077), 077);
    check("nice", getpriority(PRIO_PROCESS, 0), 0);
    check("scheduler", sched_getscheduler(0), SCHED_OTHER);
    for (int kind = 0; kind < 3; kind++) {
        getitimer(kind, &timer);
        check("timer", timer.it_value.tv_sec | timer.it_value.tv_usec, 0);
    }
    getrlimit(RLIMIT_CORE, &limit);
    check("core", (long)limit.rlim_max, 0);
    getrlimit(RLIMIT_MEMLOCK, &limit);
    check("memlock", (long)limit.rlim_max, 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    check("open files", (long)limit.rlim_max, 256);
    check("keyrings", syscall(SYS_keyctl, 0, -3, 0, 0, 0), -1);
    check("sockets", socket(AF_INET, SOCK_STREAM, 0), -1);
    check("offset of stdin", lseek(0, 0, SEEK_CUR) <= 0, 1);
    /* Fresh pages hold nothing of others. */
    unsigned char *pages = malloc(8 << 20);
    long dirty = 0;
    for (long i = 0; i < 8 << 20; i++)
        dirty += pages[i] != 0;
    check("bytes of others in fresh memory", dirty > 4096, 0);
    char line[64];
    check("input", fgets(line, sizeof line, stdin) && !strcmp(line, "41\n"), 1);
    if (!findings)
        printf("CLEAN %d %d\n", atoi(line) + 1, (int)getuid());
    return 0;
}
