#define _GNU_SOURCE
#include "meter.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "system.h"

#define ROOT "/sys/fs/cgroup"

static int open_file(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

/* Whether the file holds a number that is a limit. Without one this is not our own cgroup but one of others too. */
static int limited(const char *path) {
    char text[64];
    int fd = open_file(path);
    if (fd < 0) return 0;
    read_small(fd, text, sizeof text);
    close(fd);
    unsigned long long value = strtoull(text, NULL, 10);
    return text[0] >= '0' && text[0] <= '9' && value < (1ull << 60);
}

struct meter find_meter(void) {
    static const char *const FOLDERS[] = {"cpuacct", "cpu,cpuacct", "cpu"};
    for (size_t i = 0; i < 3; i++) {
        char usage[128];
        snprintf(usage, sizeof usage, ROOT "/%s/cpuacct.usage", FOLDERS[i]);
        if (access(usage, R_OK) != 0 || !limited(ROOT "/memory/memory.limit_in_bytes")) continue;
        return (struct meter){CGROUP_V1, open_file(usage), open_file(ROOT "/memory/memory.stat"),
                              open_file(ROOT "/memory/memory.oom_control")};
    }
    if (limited(ROOT "/memory.max"))
        return (struct meter){CGROUP_V2, open_file(ROOT "/cpu.stat"), open_file(ROOT "/memory.stat"),
                              open_file(ROOT "/memory.events")};
    return (struct meter){CGROUP_NONE, -1, -1, -1};
}

/* The value of a line "name value". */
static uint64_t field(const char *text, const char *name) {
    size_t length = strlen(name);
    while (text != NULL && *text) {
        if (strncmp(text, name, length) == 0 && text[length] == ' ') return strtoull(text + length + 1, NULL, 10);
        text = strchr(text, '\n');
        if (text != NULL) text++;
    }
    return 0;
}

static int64_t kilobytes(const char *text, const char *name) {
    const char *line = strstr(text, name);
    return line == NULL ? 0 : strtoll(line + strlen(name), NULL, 10) << 10;
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static struct sample sum_processes(void) {
    struct rusage reaped;
    getrusage(RUSAGE_CHILDREN, &reaped);
    struct sample sum = {seconds(reaped.ru_utime) + seconds(reaped.ru_stime), 0, 0};
    double tick = (double)sysconf(_SC_CLK_TCK);
    DIR *folder = opendir("/proc");
    if (folder == NULL) return sum;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[300], text[4096];
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        int fd = open_file(path);
        if (fd < 0) continue;
        read_small(fd, text, sizeof text);
        close(fd);
        unsigned long long user = 0, system = 0, children_user = 0, children_system = 0;
        const char *rest = strrchr(text, ')');
        if (rest != NULL
            && sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu", &user, &system,
                      &children_user, &children_system) == 4) {
            /* Of the first process only what it used itself: its children are in `reaped`. */
            if (strcmp(entry->d_name, "1") == 0) children_user = children_system = 0;
            sum.cpu_s += (double)(user + system + children_user + children_system) / tick;
        }
        snprintf(path, sizeof path, "/proc/%s/status", entry->d_name);
        fd = open_file(path);
        if (fd < 0) continue;
        read_small(fd, text, sizeof text);
        close(fd);
        sum.memory_bytes += kilobytes(text, "RssAnon:") + kilobytes(text, "RssShmem:");
    }
    closedir(folder);
    return sum;
}

struct sample take_sample(const struct meter *meter) {
    if (meter->kind == CGROUP_NONE) return sum_processes();
    char text[8192];
    struct sample sample;
    read_small(meter->cpu, text, sizeof text);
    sample.cpu_s = meter->kind == CGROUP_V1 ? strtod(text, NULL) / 1e9 : (double)field(text, "usage_usec") / 1e6;
    read_small(meter->memory, text, sizeof text);
    sample.memory_bytes = (int64_t)(field(text, meter->kind == CGROUP_V1 ? "rss" : "anon") + field(text, "shmem"));
    read_small(meter->oom, text, sizeof text);
    sample.oom_kills = field(text, "oom_kill");
    return sample;
}

int64_t mapped_file_bytes(int pid) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int fd = open_file(path);
    if (fd < 0) return 0;
    read_small(fd, text, sizeof text);
    close(fd);
    return kilobytes(text, "RssFile:");
}

int64_t own_memory_bytes(int pid) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    int fd = open_file(path);
    if (fd < 0) return 0;
    read_small(fd, text, sizeof text);
    close(fd);
    long long resident = 0;
    return sscanf(text, "%*d %lld", &resident) == 1 ? resident * sysconf(_SC_PAGESIZE) : 0;
}
