/* PID 1 of the box: receives programs over its standard input, runs them one at a time, answers over its standard
 * output. The end of the input ends it, and with it every process of the box: so no program outlives the service. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "box.h"
#include "request.h"
#include "system.h"

#define PYTHON "/usr/bin/python3"
#define ZYGOTE_SCRIPT "/solvent/zygote.py"

enum { CONFIG_ZYGOTE = 1 };
enum { READY_UID_PER_RUN = 1, READY_INODE_LIMIT = 2, READY_ZYGOTE = 4, READY_DIRECT = 8 };
enum { PROGRAMS_FIRST_UID = 1000000, UIDS_PER_BOX = 10000, OWN_UIDS = 2000 };

static _Noreturn void die(const char *what) {
    dprintf(2, "supervisor: %s: %s\n", what, strerror(errno));
    _exit(1);
}

/* The first uid for the programs of this box; it must be one that the box's user namespace maps. */
static int64_t choose_first_uid(uint32_t slot) {
    long long mapped = 0, inside, outside, count;
    FILE *map = fopen("/proc/self/uid_map", "re");
    if (map == NULL) die("uid_map");
    while (fscanf(map, "%lld %lld %lld", &inside, &outside, &count) == 3)
        if (inside + count > mapped) mapped = inside + count;
    fclose(map);
    int64_t wanted = PROGRAMS_FIRST_UID + (int64_t)slot * UIDS_PER_BOX;
    if (wanted + UIDS_PER_BOX <= mapped) return wanted;
    int64_t room = (mapped - OWN_UIDS) / UIDS_PER_BOX;
    return OWN_UIDS + (room > 1 ? slot % room : 0) * UIDS_PER_BOX;
}

/* Keep the directories that programs may write to, and make sure that they may. */
static void use_root(struct roots *roots, char *path) {
    if (access(path, W_OK) != 0) {
        free(path);
        return;
    }
    /* A container engine gives a tmpfs the mode of the directory in the image, whatever its options say. */
    chmod(path, 01777);
    roots->paths[roots->count++] = path;
}

static bool mount_all(struct reader *r, uint64_t capabilities) {
    uint32_t count = read_u32(r);
    bool mounted = false;
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        char *path = span_text(read_bytes(r)), *options = span_text(read_bytes(r));
        bool executable = read_u8(r);
        if (capabilities >> CAPABILITY_SYS_ADMIN & 1) {
            if (mount_tmpfs(path, options, executable) != 0) die(path);
            mounted = true;
        }
        free(path);
        free(options);
    }
    return mounted;
}

static void configure(struct box *box, const struct frame *frame) {
    struct reader r = {frame->payload, frame->payload + frame->size, false};
    uint32_t slot = read_u32(&r), flags = read_u32(&r), root_count = read_u32(&r);
    if (r.bad || root_count > 64) die("the configuration cannot be read");
    char **roots = need(calloc(root_count + 1, sizeof *roots));
    for (uint32_t i = 0; i < root_count; i++) roots[i] = span_text(read_bytes(&r));
    uint64_t capabilities = held_capabilities();
    bool mounted = mount_all(&r, capabilities);
    struct span filter = read_bytes(&r);
    if (r.bad) die("the configuration cannot be read");
    uint64_t wanted = 1u << CAPABILITY_SETUID | 1u << CAPABILITY_SETGID;
    bool uid_per_run = getuid() == 0 && (capabilities & wanted) == wanted;
    if (keep_capabilities(uid_per_run ? wanted : 0) != 0) die("capabilities");
    /* Every program inherits both. Nothing that the supervisor itself needs is refused. */
    if (no_new_privileges() != 0) die("no new privileges");
    if (install_filter(filter.data, filter.size) != 0) die("seccomp");
    box->meter = find_meter();
    box->roots.paths = need(calloc(root_count + 1, sizeof *box->roots.paths));
    for (uint32_t i = 0; i < root_count; i++) use_root(&box->roots, roots[i]);
    free(roots);
    box->first_uid = uid_per_run ? choose_first_uid(slot) : -1;
    box->uids = UIDS_PER_BOX - 1;
    /* Without uids of their own, programs could reach it and the sweep would kill it. */
    if (uid_per_run && flags & CONFIG_ZYGOTE)
        box->zygote = zygote_start(PYTHON, ZYGOTE_SCRIPT, (int[]){box->in.fd, box->out}, 2);
    struct utsname name;
    uname(&name);
    frame_begin(&box->answer, FRAME_READY, 0);
    put_u32(&box->answer, (uid_per_run ? READY_UID_PER_RUN : 0u) | (mounted ? READY_INODE_LIMIT : 0u)
                              | (box->zygote.pid ? READY_ZYGOTE : 0u) | READY_DIRECT);
    put_u8(&box->answer, (uint8_t)box->meter.kind);
    put_u32(&box->answer, (uint32_t)getpid());
    put_bytes(&box->answer, name.machine, strlen(name.machine));
    frame_send(&box->answer, box->out);
}

/* A container engine moves every byte through several processes. So a service that may look into this one is offered a
 * socket to take; whichever way it speaks next is the channel from then on. The first one stays open: that it lasts is
 * what tells the engine that somebody is attached. */
static void offer_direct(struct box *box) {
    int ends[2];
    struct stat about;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) die("a socket");
    if (fstat(ends[1], &about) != 0) die("a socket");
    frame_begin(&box->answer, FRAME_OFFER, 0);
    put_u32(&box->answer, (uint32_t)ends[1]);
    put_u64(&box->answer, (uint64_t)about.st_ino);
    frame_send(&box->answer, box->out);
    struct pollfd ways[2] = {{box->in.fd, POLLIN, 0}, {ends[0], POLLIN, 0}};
    while (poll(ways, 2, -1) <= 0)
        ;
    close(ends[1]);
    if (ways[1].revents) {
        box->in.fd = box->out = ends[0];
    } else {
        close(ends[0]);
    }
}

static struct frame *next_frame(struct box *box) {
    struct frame *frame = box->queue;
    if (frame == NULL) return frame_read(&box->in, true);
    box->queue = frame->next;
    return frame;
}

static void refuse(struct box *box, struct request *request, const char *fault) {
    struct run run = {.box = box, .request = request, .uids = {-1, -1}, .err = -1, .out = -1, .status = -1};
    snprintf(run.fault, sizeof run.fault, "%s", fault);
    request->keep_count = 0;
    send_result(&run, true);
}

static void serve(struct box *box) {
    for (bool usable = true; usable;) {
        struct frame *frame = next_frame(box);
        struct reader r = {frame->payload, frame->payload + frame->size, false};
        struct span key;
        if (frame->type == FRAME_PUT) {
            key = read_span(&r, KEY_BYTES);
            if (!r.bad) store_put(key.data, r.at, (size_t)(r.end - r.at));
        } else if (frame->type == FRAME_DROP) {
            for (uint32_t count = read_u32(&r); count > 0 && !r.bad; count--) {
                key = read_span(&r, KEY_BYTES);
                if (!r.bad) store_drop(key.data);
            }
        } else if (frame->type == FRAME_DIRECT) {
            offer_direct(box);
        } else if (frame->type == FRAME_RUN) {
            struct request request;
            char fault[256];
            bool good = read_request(frame, &request, fault, sizeof fault);
            /* Inputs may be large; from here on they exist once, in anonymous files. */
            free(frame);
            frame = NULL;
            if (good) usable = execute(box, &request);
            else refuse(box, &request, fault);
            free_request(&request);
        }
        free(frame);
    }
}

int main(void) {
    struct box box = {.in = {.fd = fcntl(0, F_DUPFD_CLOEXEC, 10)}, .out = fcntl(1, F_DUPFD_CLOEXEC, 10)};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (box.in.fd < 0 || box.out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) die("descriptors");
    /* What the service was started with (nohup, a shell's background, make) is none of the programs' business. */
    default_signals();
    signal(SIGPIPE, SIG_IGN);
    if (set_dumpable(false) != 0) die("not dumpable");
    umask(077);
    struct frame *config = frame_read(&box.in, true);
    if (config->type != FRAME_CONFIG) die("the first frame is no configuration");
    configure(&box, config);
    serve(&box);
    return 0;
}
