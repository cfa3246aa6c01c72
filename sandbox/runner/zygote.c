/* The part of the zygote that is no Python: zygote.py loads it with ctypes and calls `serve`, which returns in every
 * program's process, set up, and never in the zygote itself. */
#define _GNU_SOURCE
#include "zygote.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system.h"

enum { THREAD_STACK_MOST_MB = 256 };

static char packet[ZYGOTE_PACKET_MOST];
static struct file files[ZYGOTE_FILES_MOST];

/* What the program's process may read after `serve`. */
const char *program_texts;      /* arguments, then environment, each ending with zero */
uint32_t program_arguments, program_environment;

/* Like fork, but the child is our parent's. The thread id that the C library keeps must be set anew, as fork does. */
static long fork_for_parent(void) {
    int *thread_id = NULL;
    unsigned long flags = CLONE_PARENT;
    if (prctl(PR_GET_TID_ADDRESS, &thread_id, 0L, 0L, 0L) == 0 && thread_id != NULL)
        flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
#if defined(__x86_64__)
    return syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, thread_id, NULL);
#else
    return syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, thread_id);
#endif
}

static const char *next_text(const char **at) {
    const char *text = *at;
    *at += strlen(text) + 1;
    return text;
}

static void set_thread_stack(uint64_t stack_bytes) {
    uint64_t most = (uint64_t)THREAD_STACK_MOST_MB << 20;
    pthread_attr_t attributes;
    if (pthread_getattr_default_np(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, stack_bytes < most ? stack_bytes : most);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

static void begin(const struct zygote_head *head, const int *descriptors, void (*after_fork)(void)) {
    const char *at = packet + sizeof *head;
    struct start start = {
        .in = descriptors[0], .out = descriptors[1], .err = descriptors[2], .files = files,
        .file_count = head->file_count, .uid = head->uid, .limit_data = head->limit_data, .limits = head->limits,
    };
    const char *modes = at;
    at += head->file_count * sizeof(uint32_t);
    start.filter = at;
    start.filter_size = head->filter_size;
    at += head->filter_size;
    start.directory = next_text(&at);
    for (uint32_t i = 0; i < head->file_count; i++) {
        uint32_t mode;
        memcpy(&mode, modes + i * sizeof mode, sizeof mode);
        files[i] = (struct file){next_text(&at), mode, descriptors[4 + i]};
    }
    program_texts = at;
    program_arguments = head->argument_count;
    program_environment = head->environment_count;
    prepare_child(&start, descriptors[3]);
    set_thread_stack(head->limits.stack_bytes);
    after_fork();
}

/* Returns the number of descriptors, -1 at the end. */
static int receive(struct zygote_head *head, int *descriptors) {
    static union { char room[CMSG_SPACE((ZYGOTE_FILES_MOST + 4) * sizeof(int))]; struct cmsghdr align; } control;
    struct iovec vector = {packet, sizeof packet};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room,
    };
    ssize_t size = recvmsg(ZYGOTE_FD, &message, MSG_CMSG_CLOEXEC);
    if (size < (ssize_t)sizeof *head) return size < 0 && errno == EINTR ? 0 : -1;
    memcpy(head, packet, sizeof *head);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights == NULL || rights->cmsg_type != SCM_RIGHTS) return -1;
    size_t bytes = rights->cmsg_len - CMSG_LEN(0);
    memcpy(descriptors, CMSG_DATA(rights), bytes);
    return (int)(bytes / sizeof(int));
}

/* Serve until the supervisor hangs up. Returns in the process of a program. */
int serve(void) {
    void (*after_fork)(void);
    *(void **)&after_fork = dlsym(RTLD_DEFAULT, "PyOS_AfterFork_Child");
    if (after_fork == NULL) _exit(5);
    set_dumpable(false);
    for (;;) {
        struct zygote_head head;
        int descriptors[ZYGOTE_FILES_MOST + 4];
        int count = receive(&head, descriptors);
        if (count < 0) _exit(0);
        if (count == 0) continue;
        int64_t pid = fork_for_parent();
        if (pid == 0) {
            begin(&head, descriptors, after_fork);
            return 0;
        }
        if (pid < 0) pid = -errno;
        for (int i = 0; i < count; i++) close(descriptors[i]);
        if (write(ZYGOTE_FD, &pid, sizeof pid) != sizeof pid) _exit(0);
    }
}
