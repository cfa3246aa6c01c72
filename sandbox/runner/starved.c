/* How long a program has waited for a core: a verdict must not depend on what else runs here. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "box.h"
#include "system.h"

static const double LOOK_FROM = 0.25;       /* of the wall-clock limit: earlier it cannot matter */
static const double LOOK_EVERY_S = 0.05;
static const double MOST_STARVED = 4;       /* wall-clock limits that waiting may add */

static double task_waited_s(const char *path) {
    char text[128];
    unsigned long long waited = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    read_small(fd, text, sizeof text);
    close(fd);
    return sscanf(text, "%*u %llu", &waited) == 1 ? (double)waited / 1e9 : 0;
}

static double process_waited_s(const char *pid) {
    char path[600];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) return 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] < '1' || task->d_name[0] > '9') continue;
        snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, task->d_name);
        sum += task_waited_s(path);
    }
    closedir(tasks);
    return sum;
}

static double all_waited_s(pid_t zygote) {
    double sum = 0;
    DIR *processes = opendir("/proc");
    if (processes == NULL) return 0;
    for (struct dirent *process; (process = readdir(processes)) != NULL;) {
        long pid = strtol(process->d_name, NULL, 10);
        if (pid > 1 && pid != zygote) sum += process_waited_s(process->d_name);
    }
    closedir(processes);
    return sum;
}

void count_starved(struct run *run, double now) {
    double limit = run->request->limits.wall_s;
    if (run->wall_s < LOOK_FROM * limit || now - run->waited_at < LOOK_EVERY_S) return;
    double elapsed = run->waited_at > 0 ? now - run->waited_at : run->wall_s;
    double waited = all_waited_s(run->box->zygote.pid), more = waited - run->waited_s;
    /* What ended since has taken its time along; and tasks that wait side by side wait for no longer than one. */
    if (more < 0) more = 0;
    run->starved_s += more < elapsed ? more : elapsed;
    if (run->starved_s > MOST_STARVED * limit) run->starved_s = MOST_STARVED * limit;
    run->waited_s = waited;
    run->waited_at = now;
}
