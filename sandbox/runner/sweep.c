#define _GNU_SOURCE
#include "sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system.h"

static const double WIPE_TIMEOUT_S = 10.0, HELPER_TIMEOUT_S = 20.0;

void add_problem(struct problems *problems, const char *what, const char *which) {
    if (problems->count == PROBLEMS_MOST) return;
    char *text = problems->text[problems->count++];
    snprintf(text, PROBLEM_TEXT, "%s%s", what, which);
    for (; *text; text++)
        if (*text < ' ' || *text > '~') *text = '?';
}

static int take_uid(struct uids uids) {
    if (uids.run < 0) return 0;
    if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, uids.helper, uids.run, uids.helper) != 0)
        return -1;
    return (int)syscall(SYS_setresuid, uids.helper, uids.run, uids.helper);
}

/* Open a file below the run's directory; no component of the path may be a link. */
static int open_below(const char *directory, const char *name) {
    char path[600];
    if ((size_t)snprintf(path, sizeof path, "%s", name) >= sizeof path) return -1;
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char *part = path;
    for (char *slash; folder >= 0 && (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        *slash = 0;
        int inner = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(folder);
        folder = inner;
    }
    if (folder < 0) return -1;
    int file = openat(folder, part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(folder);
    return file;
}

/* Links are not followed, and devices and pipes not waited for. */
static bool bring_back(const char *directory, const struct keep *keep) {
    int source = open_below(directory, keep->name);
    struct stat about;
    if (source < 0) return false;
    bool good = fstat(source, &about) == 0 && S_ISREG(about.st_mode) && (uint64_t)about.st_size <= keep->max_bytes;
    off_t offset = 0;
    while (good && offset < about.st_size)
        good = sendfile(keep->target, source, &offset, (size_t)(about.st_size - offset)) > 0;
    close(source);
    return good;
}

/* Remove what is no directory; false if it is one. */
static bool unlink_entry(int folder, const char *name) { return unlinkat(folder, name, 0) == 0 || errno != EISDIR; }

/* A program may have closed its directories even to itself. */
static void open_up(int folder, const char *name) { (void)!fchmodat(folder, name, 0700, 0); }

static bool dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

/* Empty the directory `name` of `top` by unlinking its files and moving its directories to the top: so depth costs no
 * descriptors and no stack. */
static void hoist(int top, const char *name, unsigned long *number, double deadline) {
    open_up(top, name);
    int folder = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);
    if (entries == NULL) return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL && now_s() < deadline;) {
        if (dots(entry->d_name) || unlink_entry(folder, entry->d_name)) continue;
        open_up(folder, entry->d_name);
        char target[40];
        do {
            snprintf(target, sizeof target, ".swept%lu", ++*number);
        } while (syscall(SYS_renameat2, folder, entry->d_name, top, target, 1u /* never replace */) != 0
                 && errno == EEXIST);
    }
    closedir(entries);
}

static bool wipe(const char *root, double deadline) {
    int top = open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0) return false;
    /* Where the directory is not ours, the run could not change it either. */
    (void)!fchmod(top, 01777);
    unsigned long number = 0;
    for (bool found = true; found;) {
        int again = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *entries = again < 0 ? NULL : fdopendir(again);
        if (entries == NULL) return false;
        found = false;
        for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
            if (dots(entry->d_name)) continue;
            found = true;
            if (now_s() > deadline) {
                closedir(entries);
                return false;
            }
            if (unlink_entry(top, entry->d_name)) continue;
            hoist(top, entry->d_name, &number, deadline);
            unlinkat(top, entry->d_name, AT_REMOVEDIR);
        }
        closedir(entries);
    }
    close(top);
    return true;
}

static _Noreturn void help(struct uids uids, const char *directory, const struct roots *roots, struct keep *keep,
                           size_t keep_count, int report) {
    struct problems problems = {0};
    if (take_uid(uids) != 0) add_problem(&problems, "the sweep could not take the run's uid", "");
    /* One call reaches every process of the uid, and no fork can slip past it. Where all have the uid of PID 1, it has
     * done this itself: there the helper is within the programs' reach. */
    else if (uids.run >= 0) kill(-1, SIGKILL);
    for (size_t i = 0; i < keep_count; i++) keep[i].present = bring_back(directory, &keep[i]);
    double deadline = now_s() + WIPE_TIMEOUT_S;
    for (size_t i = 0; i < roots->count; i++)
        if (!wipe(roots->paths[i], deadline)) add_problem(&problems, roots->paths[i], " could not be emptied in time");
    for (size_t i = 0; i < keep_count; i++) write_all(report, &keep[i].present, sizeof(bool));
    write_all(report, &problems, sizeof problems);
    _exit(0);
}

static pid_t fork_helper(const int *close_first, size_t close_count) {
    pid_t pid = fork();
    if (pid == 0)
        for (size_t i = 0; i < close_count; i++) close(close_first[i]);
    return pid;
}

/* Wait for a helper of ours, reaping whatever else ends meanwhile. */
static void wait_for(pid_t helper, reap_function *reap, void *context) {
    int pidfd = (int)syscall(SYS_pidfd_open, helper, 0);
    for (double deadline = now_s() + HELPER_TIMEOUT_S;;) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, pidfd < 0 ? 0 : WNOHANG, &usage);
        if (pid == helper || (pid < 0 && errno != EINTR)) break;
        if (pid > 0) reap(context, pid, status, &usage);
        if (pid != 0) continue;
        struct pollfd ended = {pidfd, POLLIN, 0};
        double left = deadline - now_s();
        /* A helper that hangs may be beyond our reach, so the box ends, and takes it along. */
        if (left <= 0 || poll(&ended, 1, (int)(left * 1000) + 1) == 0) _exit(6);
    }
    if (pidfd >= 0) close(pidfd);
}

static bool read_whole(int fd, void *place, size_t size) {
    size_t have = 0;
    while (have < size) {
        ssize_t part = read(fd, (char *)place + have, size - have);
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) return false;
        have += (size_t)part;
    }
    return true;
}

bool sweep(struct uids uids, const char *directory, const struct roots *roots, struct keep *keep, size_t keep_count,
           const int *close_first, size_t close_count, struct problems *problems, reap_function *reap, void *context) {
    int ends[2];
    if (uids.run < 0) kill(-1, SIGKILL);
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    pid_t helper = fork_helper(close_first, close_count);
    if (helper == 0) help(uids, directory, roots, keep, keep_count, ends[1]);
    close(ends[1]);
    if (helper < 0) {
        close(ends[0]);
        return false;
    }
    wait_for(helper, reap, context);
    struct problems found = {0};
    bool done = true;
    for (size_t i = 0; i < keep_count && done; i++) done = read_whole(ends[0], &keep[i].present, sizeof(bool));
    done = done && read_whole(ends[0], &found, sizeof found);
    close(ends[0]);
    for (size_t i = 0; done && i < found.count && i < PROBLEMS_MOST; i++) add_problem(problems, found.text[i], "");
    return done;
}

void signal_as(struct uids uids, pid_t pid, int number, reap_function *reap, void *context) {
    pid_t helper = fork();
    if (helper == 0) {
        if (take_uid(uids) == 0) kill(pid, number);
        _exit(0);
    }
    if (helper > 0) wait_for(helper, reap, context);
}

static bool is_other(const char *name, pid_t zygote) {
    if (name[0] < '1' || name[0] > '9') return false;
    long pid = strtol(name, NULL, 10);
    return pid != getpid() && pid != zygote;
}

bool others_alive(pid_t zygote) {
    DIR *entries = opendir("/proc");
    bool found = entries == NULL;
    if (entries == NULL) return true;
    for (struct dirent *entry; !found && (entry = readdir(entries)) != NULL;) found = is_other(entry->d_name, zygote);
    closedir(entries);
    return found;
}

void find_leftovers(const struct roots *roots, pid_t zygote, struct problems *problems) {
    for (size_t i = 0; i < roots->count; i++) {
        DIR *entries = opendir(roots->paths[i]);
        if (entries == NULL) {
            add_problem(problems, "cannot be looked into: ", roots->paths[i]);
            continue;
        }
        for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
            if (dots(entry->d_name)) continue;
            char place[160];
            snprintf(place, sizeof place, "left behind: %.60s/%.80s", roots->paths[i], entry->d_name);
            add_problem(problems, place, "");
        }
        closedir(entries);
    }
    if (others_alive(zygote)) add_problem(problems, "left behind: a process", "");
}
