/* What stays the same from run to run, and what one run is. */
#ifndef SOLVENT_BOX_H
#define SOLVENT_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "child.h"
#include "meter.h"
#include "sweep.h"
#include "wire.h"
#include "zygote.h"

struct box {
    struct meter meter;
    struct roots roots;
    struct input in;
    int out;
    struct buffer answer;
    struct frame *queue;    /* frames that came during a run and are for afterwards, in order */
    int64_t first_uid;      /* -1: all programs have the supervisor's uid */
    unsigned uids, runs;    /* programs may use so many, and have used so many; the next one is the sweeper's */
    struct zygote zygote;
};

struct request {
    uint32_t id;
    bool merge, from_zygote, stream;
    struct limits limits;
    char **argv, **environment;     /* end with NULL; the environment has room for two more */
    struct file *files;
    size_t file_count;
    int in;                         /* anonymous file, -1 where the streams are connected */
    struct keep *keep;
    size_t keep_count;
};

enum run_status {
    RUN_OK, RUN_EXIT, RUN_SIGNAL, RUN_CPU_TIME, RUN_WALL_TIME, RUN_MEMORY, RUN_OUTPUT, RUN_COMPILE, RUN_CANCELLED,
    RUN_FAULT, RUN_GOES_ON,
};

/* A program's connected streams. */
struct stream {
    int to_program, from_program;   /* -1 when closed */
    uint8_t *pending;
    size_t pending_size, pending_room;
    bool closing;                   /* close its input when nothing is pending */
    uint64_t received;
};

struct run {
    struct box *box;
    const struct request *request;
    struct uids uids;
    char directory[24], home[32], pwd[32];
    char **home_place;              /* where the environment got the two */
    pid_t pid;
    int pidfd, status, out, err;
    struct stream stream;
    double wall_start;
    struct sample base;
    double own_cpu_s, zygote_cpu_s;     /* at the start */
    int64_t floor_bytes;                /* memory of the process that forked it: its peak starts there */
    bool ended;
    int wait_status;
    int64_t peak_bytes, max_rss_bytes;
    int64_t file_bytes;                 /* of the first process's resident memory: files on disk, which do not count */
    double cpu_s, wall_s;
    double starved_s;                   /* it could have run and no core was free: no part of its wall-clock time */
    double waited_s, waited_at;         /* what its tasks had waited in all when this was last looked at, and when */
    bool oom;
    enum run_status stopped_for;
    struct problems problems;
    char fault[256];
    bool missing, compile_failed;
};

/* Run one program and clean up after it; sends RESULT. Returns whether the box can be used again. */
bool execute(struct box *box, struct request *request);

/* watch.c */
void watch(struct run *run);
void count_child(void *run, pid_t pid, int status, const void *usage);

/* starved.c */
void count_starved(struct run *run, double now);

/* stream.c */
void stream_take(struct run *run, const uint8_t *data, size_t size);
void stream_close_input(struct run *run);
void stream_write(struct run *run);
void stream_read(struct run *run);
void stream_finish(struct run *run);

/* report.c */
void send_result(struct run *run, bool usable);
uint64_t file_size(int fd);
uint64_t file_blocks(int fd);

#endif
