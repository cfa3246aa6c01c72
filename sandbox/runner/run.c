/* One run of one program: start it, watch it, clean up, answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "box.h"
#include "system.h"

static const double EMPTY_TIMEOUT_S = 5.0;
enum { SWEEPS_MOST = 2 };

static void fail(struct run *run, const char *what) {
    if (run->fault[0] == 0) snprintf(run->fault, sizeof run->fault, "%s: %s", what, strerror(errno));
}

/* Pipes between us and the program; its own ends are returned. */
static bool connect_streams(struct run *run, int *in, int *out) {
    int input[2], output[2];
    if (pipe2(input, O_CLOEXEC) != 0) return false;
    if (pipe2(output, O_CLOEXEC) != 0) {
        close(input[0]);
        close(input[1]);
        return false;
    }
    /* The program may open /dev/stdin and /dev/stdout, as another user than made them. */
    fchmod(input[0], 0666);
    fchmod(output[1], 0666);
    fcntl(input[1], F_SETFL, O_NONBLOCK);
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    run->stream.to_program = input[1];
    run->stream.from_program = output[0];
    *in = input[0];
    *out = output[1];
    return true;
}

/* A compiled program is executed where its content lies, instead of being copied for each run. */
static const struct file *find_executable(const struct request *request) {
    if (request->from_zygote || strncmp(request->argv[0], "./", 2) != 0) return NULL;
    for (size_t i = 0; i < request->file_count; i++)
        if (strcmp(request->files[i].name, request->argv[0] + 2) == 0 && request->files[i].mode & 0100)
            return &request->files[i];
    return NULL;
}

static bool launch(struct run *run) {
    struct box *box = run->box;
    const struct request *request = run->request;
    int in = request->in, out = run->out, status[2];
    if (request->stream && !connect_streams(run, &in, &out)) return false;
    if (pipe2(status, O_CLOEXEC) != 0) {
        if (request->stream) {
            close(in);
            close(out);
        }
        return false;
    }
    /* Whoever might hold the other end shall not make us wait. */
    fcntl(status[0], F_SETFL, O_NONBLOCK);
    struct start start = {
        .directory = run->directory, .argv = (const char **)(uintptr_t)request->argv,
        .environment = (const char **)(uintptr_t)request->environment, .files = request->files,
        .file_count = request->file_count, .executable = find_executable(request),
        .in = in, .out = out, .err = run->err, .uid = run->uids.run,
        .limit_data = box->meter.kind == CGROUP_NONE, .limits = request->limits,
    };
    run->base = take_sample(&box->meter);
    run->own_cpu_s = process_cpu_s(getpid());
    if (request->from_zygote) {
        run->zygote_cpu_s = process_cpu_s(box->zygote.pid);
        run->floor_bytes = own_memory_bytes(box->zygote.pid);
        run->pid = zygote_fork(&box->zygote, &start, status[1]);
    } else {
        run->floor_bytes = own_memory_bytes(getpid());
        run->pid = fork();
        if (run->pid == 0) {
            close(box->in.fd);
            close(box->out);
            become(&start, status[1]);
        }
    }
    int error = errno;
    close(status[1]);
    run->status = status[0];
    if (request->stream) {
        close(in);
        close(out);
    }
    run->wall_start = now_s();
    errno = error;
    if (run->pid < 0) return false;
    /* Some kernels (gVisor) have no pidfd; then every tick asks. */
    run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    return true;
}

static void pause_briefly(void) { nanosleep(&(struct timespec){0, 100 * 1000}, NULL); }

/* Wait for the death of what was killed. */
static void reap_rest(struct run *run) {
    for (double deadline = now_s() + EMPTY_TIMEOUT_S;;) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid > 0) {
            count_child(run, pid, status, &usage);
            continue;
        }
        if (pid < 0 || !others_alive(run->box->zygote.pid)) return;
        if (now_s() > deadline) {
            add_problem(&run->problems, "a process of the run did not end", "");
            return;
        }
        pause_briefly();
    }
}

static void clean(struct run *run) {
    struct box *box = run->box;
    const struct request *request = run->request;
    const int close_first[] = {box->in.fd, box->out};
    bool done = false;
    for (int i = 0; i < SWEEPS_MOST && !done; i++)
        done = sweep(run->uids, run->directory, &box->roots, request->keep, request->keep_count, close_first, 2,
                     &run->problems, count_child, run);
    if (!done) add_problem(&run->problems, "the run's processes could not be killed", "");
    reap_rest(run);
    /* What was killed in the midst of a call finished it first, perhaps behind the sweep's back. Now nobody is left. */
    struct problems left = {0};
    find_leftovers(&box->roots, box->zygote.pid, &left);
    if (left.count == 0) return;
    if (done && !others_alive(box->zygote.pid)) {
        sweep(run->uids, run->directory, &box->roots, NULL, 0, close_first, 2, &run->problems, count_child, run);
        reap_rest(run);
    }
    find_leftovers(&box->roots, box->zygote.pid, &run->problems);
}

static bool prepare(struct run *run) {
    struct box *box = run->box;
    struct request *request = (struct request *)(uintptr_t)run->request;
    run->err = memory_file("stderr", false);
    run->out = request->merge ? run->err : request->stream ? -1 : memory_file("stdout", false);
    for (size_t i = 0; i < request->keep_count; i++) request->keep[i].target = memory_file("kept", false);
    if (run->err < 0 || (run->out < 0 && !request->stream)) return false;
    if (box->runs >= box->uids) {
        errno = EUSERS;
        return false;
    }
    if (box->first_uid >= 0) run->uids = (struct uids){box->first_uid + box->runs, box->first_uid + box->uids};
    snprintf(run->directory, sizeof run->directory, "/w/r%u", ++box->runs);
    snprintf(run->home, sizeof run->home, "HOME=%s", run->directory);
    snprintf(run->pwd, sizeof run->pwd, "PWD=%s", run->directory);
    run->home_place = request->environment;
    while (*run->home_place != NULL) run->home_place++;
    run->home_place[0] = run->home;
    run->home_place[1] = run->pwd;
    if (request->from_zygote && box->zygote.pid == 0) {
        errno = ESRCH;
        return false;
    }
    return true;
}

bool execute(struct box *box, struct request *request) {
    struct run run = {
        .box = box, .request = request, .uids = {-1, -1}, .pid = -1, .pidfd = -1, .status = -1, .out = -1, .err = -1,
        .stream = {.to_program = -1, .from_program = -1}, .stopped_for = RUN_GOES_ON,
    };
    if (!prepare(&run)) {
        fail(&run, "cannot prepare the run");
        add_problem(&run.problems, run.fault, "");
    } else {
        if (!launch(&run)) fail(&run, "cannot start the program");
        else watch(&run);
        clean(&run);
        if (request->stream) stream_finish(&run);
    }
    if (run.home_place != NULL) run.home_place[0] = run.home_place[1] = NULL;
    bool usable = run.problems.count == 0;
    send_result(&run, usable);
    if (run.pidfd >= 0) close(run.pidfd);
    if (run.status >= 0) close(run.status);
    if (run.out >= 0 && run.out != run.err) close(run.out);
    if (run.err >= 0) close(run.err);
    for (size_t i = 0; i < request->keep_count; i++)
        if (request->keep[i].target >= 0) close(request->keep[i].target);
    return usable;
}
