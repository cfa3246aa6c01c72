/* Wait until the program ends or has to be stopped, serving its streams meanwhile. The kill itself is the sweep's. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "box.h"
#include "system.h"

static const double FIRST_TICK_S = 0.005, TICK_S = 0.02, TICK_GROWTH = 1.2;
static const double SETUP_TIMEOUT_S = 20.0;

void count_child(void *context, pid_t pid, int status, const void *usage) {
    struct run *run = context;
    if (pid == run->box->zygote.pid) {
        run->box->zygote.pid = 0;
        add_problem(&run->problems, "the zygote died", "");
        return;
    }
    if (pid == run->pid) {
        run->ended = true;
        run->wait_status = status;
    }
    int64_t rss = ((const struct rusage *)usage)->ru_maxrss * 1024L;
    /* Below the floor it says nothing: that is what the fork started with. */
    if (rss <= run->floor_bytes + (2 << 20)) return;
    if (pid == run->pid) rss -= run->file_bytes;
    if (rss > run->max_rss_bytes) run->max_rss_bytes = rss;
}

static void reap(struct run *run) {
    for (;;) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        if (pid <= 0) return;
        count_child(run, pid, status, &usage);
    }
}

static void measure(struct run *run) {
    const struct box *box = run->box;
    struct sample sample = take_sample(&box->meter);
    double own = process_cpu_s(getpid()) - run->own_cpu_s;
    double zygote = run->request->from_zygote ? process_cpu_s(box->zygote.pid) - run->zygote_cpu_s : 0;
    double cpu_s = sample.cpu_s - run->base.cpu_s - own - (zygote > 0 ? zygote : 0);
    if (cpu_s > run->cpu_s) run->cpu_s = cpu_s;
    /* Its output lies in our own anonymous files: memory of the box, not of the program. */
    int64_t output = run->out < 0 ? 0 : (int64_t)file_blocks(run->out);
    if (run->err >= 0 && run->err != run->out) output += (int64_t)file_blocks(run->err);
    int64_t used = sample.memory_bytes - run->base.memory_bytes - output;
    if (used > run->peak_bytes) run->peak_bytes = used;
    int64_t files = run->ended ? 0 : mapped_file_bytes(run->pid);
    if (files > run->file_bytes) run->file_bytes = files;
    run->oom = run->oom || sample.oom_kills > run->base.oom_kills;
}

static enum run_status exceeded(const struct run *run, double wall_s) {
    const struct limits *limits = &run->request->limits;
    if (run->oom || run->peak_bytes > (int64_t)limits->memory_bytes) return RUN_MEMORY;
    if (run->cpu_s > limits->cpu_s) return RUN_CPU_TIME;
    uint64_t printed = run->request->stream ? run->stream.received : file_size(run->out);
    if (printed > limits->output_bytes) return RUN_OUTPUT;
    return wall_s > limits->wall_s ? RUN_WALL_TIME : RUN_GOES_ON;
}

static void read_status(struct run *run) {
    struct status_report report = {0};
    ssize_t size = read(run->status, &report, sizeof report - 1);
    if (size > 0 && strncmp((const char *)&report, COMPILE_FAILED, strlen(COMPILE_FAILED)) == 0) {
        run->compile_failed = true;
    } else if (size > 0) {
        report.step[STATUS_TEXT - 1] = 0;
        snprintf(run->fault, sizeof run->fault, "%s: %s", report.step, strerror(report.error));
        run->missing = report.error == ENOENT && strcmp(report.step, "execute") == 0;
    }
    close(run->status);
    run->status = -1;
}

/* Returns false once the run is to be ended for the service's sake. */
static bool serve_channel(struct run *run) {
    struct frame *frame;
    bool goes_on = true;
    while ((frame = frame_read(&run->box->in, false)) != NULL) {
        bool ours = frame->id == run->request->id;
        struct reader r = {frame->payload, frame->payload + frame->size, false};
        if (frame->type < FRAME_KILL) {
            struct frame **last = &run->box->queue;
            while (*last != NULL) last = &(*last)->next;
            frame->next = NULL;
            *last = frame;
            continue;
        }
        if (ours && frame->type == FRAME_KILL) goes_on = false;
        if (ours && frame->type == FRAME_DATA_IN && run->request->stream) stream_take(run, frame->payload, frame->size);
        if (ours && frame->type == FRAME_CLOSE && run->request->stream) stream_close_input(run);
        if (ours && frame->type == FRAME_SIGNAL && !run->ended)
            signal_as(run->uids, run->pid, (int)read_u32(&r), count_child, run);
        free(frame);
    }
    return goes_on;
}

static void wait_for_event(struct run *run, double timeout_s) {
    enum { CHANNEL, PROCESS, STATUS, INPUT, OUTPUT, ALL };
    const struct stream *stream = &run->stream;
    struct pollfd events[ALL] = {
        [CHANNEL] = {run->box->in.fd, POLLIN, 0},
        [PROCESS] = {run->pidfd, POLLIN, 0},
        [STATUS] = {run->status, POLLIN, 0},
        [INPUT] = {stream->pending_size ? stream->to_program : -1, POLLOUT, 0},
        [OUTPUT] = {stream->from_program, POLLIN, 0},
    };
    if (timeout_s < 0) timeout_s = 0;
    struct timespec timeout = {(time_t)timeout_s, (long)((timeout_s - (double)(time_t)timeout_s) * 1e9)};
    if (ppoll(events, ALL, &timeout, NULL) <= 0) return;
    if (events[STATUS].revents) read_status(run);
    if (events[CHANNEL].revents && !serve_channel(run)) run->stopped_for = RUN_CANCELLED;
    if (events[INPUT].revents) stream_write(run);
    if (events[OUTPUT].revents) stream_read(run);
}

void watch(struct run *run) {
    const struct limits *limits = &run->request->limits;
    double tick = FIRST_TICK_S, next = run->wall_start + tick;
    run->stopped_for = RUN_GOES_ON;
    while (run->stopped_for == RUN_GOES_ON) {
        double now = now_s(), end = run->wall_start + limits->wall_s + run->starved_s;
        wait_for_event(run, (next < end ? next : end) - now);
        reap(run);
        now = now_s();
        run->wall_s = now - run->wall_start;
        if (run->ended || run->fault[0]) break;
        if (run->stopped_for != RUN_GOES_ON || (now < next && now < end)) continue;
        measure(run);
        count_starved(run, now);
        run->stopped_for = exceeded(run, run->wall_s - run->starved_s);
        if (run->status >= 0 && run->wall_s - run->starved_s > SETUP_TIMEOUT_S && !run->request->from_zygote)
            snprintf(run->fault, sizeof run->fault, "its start timed out");
        tick = tick * TICK_GROWTH < TICK_S ? tick * TICK_GROWTH : TICK_S;
        next = now + tick;
    }
    measure(run);
    /* What it said before it ended counts: the set-up may have failed and the process be gone already. */
    if (run->status >= 0 && run->ended) read_status(run);
}
