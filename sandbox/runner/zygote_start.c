#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system.h"
#include "zygote.h"

static const int FORK_TIMEOUT_MS = 20000;

static _Noreturn void execute(const char *python, const char *script, int end) {
    static char *const ENVIRONMENT[] = {
        "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TMPDIR=/tmp", "HOME=/w", "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONHASHSEED=0", "PYTHONIOENCODING=utf-8:surrogateescape", NULL,
    };
    struct rlimit stack;
    getrlimit(RLIMIT_STACK, &stack);
    rlim_t wanted = (rlim_t)ZYGOTE_STACK_MB << 20;
    if (wanted > stack.rlim_max) wanted = stack.rlim_max;
    setrlimit(RLIMIT_STACK, &(struct rlimit){wanted, stack.rlim_max});
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) _exit(1);
    int moved = fcntl(end, F_DUPFD, 100);
    if (moved < 0 || dup2(moved, ZYGOTE_FD) < 0) _exit(1);
    close_from(ZYGOTE_FD + 1);
    die_with_parent();
    execve(python, (char *[]){(char *)(uintptr_t)python, (char *)(uintptr_t)script, NULL}, ENVIRONMENT);
    _exit(1);
}

struct zygote zygote_start(const char *python, const char *script, const int *close_first, size_t close_count) {
    struct zygote none = {0, -1};
    int ends[2];
    if (access(python, X_OK) != 0 || access(script, R_OK) != 0) return none;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return none;
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < close_count; i++) close(close_first[i]);
        execute(python, script, ends[1]);
    }
    close(ends[1]);
    int room = 2 * ZYGOTE_PACKET_MOST;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (pid < 0) {
        close(ends[0]);
        return none;
    }
    return (struct zygote){pid, ends[0]};
}

static size_t append(char *packet, size_t size, const void *data, size_t more) {
    if (size + more <= ZYGOTE_PACKET_MOST) memcpy(packet + size, data, more);
    return size + more;
}

static size_t append_text(char *packet, size_t size, const char *text) {
    return append(packet, size, text, strlen(text) + 1);
}

static size_t build(char *packet, const struct start *start) {
    struct zygote_head head = {
        .uid = start->uid, .limits = start->limits, .limit_data = start->limit_data,
        .file_count = (uint32_t)start->file_count,
    };
    while (start->argv[head.argument_count]) head.argument_count++;
    while (start->environment[head.environment_count]) head.environment_count++;
    size_t size = sizeof head;
    for (size_t i = 0; i < start->file_count; i++) {
        uint32_t mode = start->files[i].mode;
        size = append(packet, size, &mode, sizeof mode);
    }
    size = append_text(packet, size, start->directory);
    for (size_t i = 0; i < start->file_count; i++) size = append_text(packet, size, start->files[i].name);
    for (uint32_t i = 0; i < head.argument_count; i++) size = append_text(packet, size, start->argv[i]);
    for (uint32_t i = 0; i < head.environment_count; i++) size = append_text(packet, size, start->environment[i]);
    memcpy(packet, &head, sizeof head);
    return size;
}

pid_t zygote_fork(const struct zygote *zygote, const struct start *start, int status) {
    static char packet[ZYGOTE_PACKET_MOST];
    size_t size = build(packet, start);
    if (size > ZYGOTE_PACKET_MOST || start->file_count > ZYGOTE_FILES_MOST) {
        errno = E2BIG;
        return -1;
    }
    int descriptors[ZYGOTE_FILES_MOST + 4] = {start->in, start->out, start->err, status};
    for (size_t i = 0; i < start->file_count; i++) descriptors[4 + i] = start->files[i].content;
    size_t bytes = (4 + start->file_count) * sizeof(int);
    static union { char room[CMSG_SPACE(sizeof descriptors)]; struct cmsghdr align; } control;
    struct iovec vector = {packet, size};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = CMSG_SPACE(bytes),
    };
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    *rights = (struct cmsghdr){.cmsg_len = CMSG_LEN(bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(rights), descriptors, bytes);
    if (sendmsg(zygote->socket, &message, MSG_NOSIGNAL) < 0) return -1;
    struct pollfd answer = {zygote->socket, POLLIN, 0};
    int64_t pid = -1;
    if (poll(&answer, 1, FORK_TIMEOUT_MS) <= 0 || read(zygote->socket, &pid, sizeof pid) != sizeof pid || pid < 0) {
        errno = pid < 0 && pid > -4096 && pid != -1 ? (int)-pid : EPIPE;
        return -1;
    }
    return (pid_t)pid;
}
