/* How a run ended, and the answer that says so. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "box.h"

uint64_t file_size(int fd) {
    struct stat about;
    return fd >= 0 && fstat(fd, &about) == 0 ? (uint64_t)about.st_size : 0;
}

uint64_t file_blocks(int fd) {
    struct stat about;
    return fstat(fd, &about) == 0 ? (uint64_t)about.st_blocks * 512 : 0;
}

/* What is its own: the memory with which its process was forked does not count against the limit. */
static int64_t peak(const struct run *run) {
    return run->peak_bytes > run->max_rss_bytes ? run->peak_bytes : run->max_rss_bytes;
}

/* The order of the rules is the order of the causes. */
static enum run_status decide(const struct run *run, uint64_t out_size, uint64_t err_size) {
    const struct limits *limits = &run->request->limits;
    if (run->fault[0]) return RUN_FAULT;
    if (run->stopped_for == RUN_CANCELLED) return RUN_CANCELLED;
    if (run->stopped_for == RUN_CPU_TIME || run->stopped_for == RUN_WALL_TIME) return run->stopped_for;
    if (run->cpu_s > limits->cpu_s) return RUN_CPU_TIME;
    if (run->oom || peak(run) > (int64_t)limits->memory_bytes) return RUN_MEMORY;
    if (run->compile_failed) return RUN_COMPILE;
    if (out_size > limits->output_bytes || err_size >= largest_file(limits)) return RUN_OUTPUT;
    if (WIFSIGNALED(run->wait_status)) return RUN_SIGNAL;
    return WEXITSTATUS(run->wait_status) == 0 ? RUN_OK : RUN_EXIT;
}

static void put_head_and_tail(struct buffer *answer, int fd, uint64_t size, uint64_t most) {
    char gap[64];
    if (size <= most) {
        put_u64(answer, size);
        put_file(answer, fd, 0, size);
        return;
    }
    int length = snprintf(gap, sizeof gap, "\n[... %llu bytes left out ...]\n", (unsigned long long)(size - most));
    uint64_t head = most / 4, used = head + (uint64_t)length, tail = most > used ? most - used : 0;
    put_u64(answer, head + (uint64_t)length + tail);
    put_file(answer, fd, 0, head);
    put_raw(answer, gap, (size_t)length);
    put_file(answer, fd, size - tail, tail);
}

void send_result(struct run *run, bool usable) {
    const struct request *request = run->request;
    struct buffer *answer = &run->box->answer;
    uint64_t out_size = request->stream ? run->stream.received : file_size(run->out);
    uint64_t err_size = request->merge ? 0 : file_size(run->err);
    enum run_status status = decide(run, out_size, err_size);
    bool by_itself = status != RUN_FAULT && run->ended && run->stopped_for == RUN_GOES_ON;
    frame_begin(answer, FRAME_RESULT, request->id);
    put_u8(answer, (uint8_t)status);
    put_u8(answer, run->missing);
    put_u8(answer, usable);
    put_u8(answer, by_itself && WIFEXITED(run->wait_status));
    put_i32(answer, by_itself && WIFEXITED(run->wait_status) ? WEXITSTATUS(run->wait_status) : 0);
    put_u8(answer, by_itself && WIFSIGNALED(run->wait_status));
    put_i32(answer, by_itself && WIFSIGNALED(run->wait_status) ? WTERMSIG(run->wait_status) : 0);
    put_u64(answer, (uint64_t)(run->cpu_s * 1e6));
    put_u64(answer, (uint64_t)(run->wall_s * 1e6));
    put_u64(answer, (uint64_t)(peak(run) > run->floor_bytes ? peak(run) : run->floor_bytes));
    put_u64(answer, out_size);
    put_u64(answer, err_size);
    put_bytes(answer, run->fault, strlen(run->fault));
    put_u32(answer, (uint32_t)run->problems.count);
    for (size_t i = 0; i < run->problems.count; i++)
        put_bytes(answer, run->problems.text[i], strlen(run->problems.text[i]));
    put_u32(answer, (uint32_t)request->keep_count);
    for (size_t i = 0; i < request->keep_count; i++) {
        const struct keep *keep = &request->keep[i];
        uint64_t size = keep->present ? file_size(keep->target) : 0;
        put_u8(answer, keep->present);
        put_u64(answer, size);
        put_file(answer, keep->target, 0, size);
    }
    uint64_t shown = request->stream ? 0 : out_size < request->limits.output_bytes ? out_size : request->limits.output_bytes;
    put_u64(answer, shown);
    put_file(answer, run->out, 0, shown);
    if (request->merge || run->err < 0) put_u64(answer, 0);
    else put_head_and_tail(answer, run->err, err_size, request->limits.stderr_bytes);
    frame_send(answer, run->box->out);
}
