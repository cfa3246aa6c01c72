/* The part of the zygote that is no Python: zygote.py loads it with ctypes and calls `serve`, which returns in every
 * program's process, set up, and never in the zygote itself. */
#define _GNU_SOURCE
#include "zygote.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

enum { THREAD_STACK_MOST_MB = 256, MAPPINGS_MOST = 512 };

static char packet[ZYGOTE_PACKET_MOST];
static struct file files[ZYGOTE_FILES_MOST];

/* What `serve` returns: of Python's API just what is needed, so that its headers are not. */
typedef void *make_bytes(const char *data, ssize_t size);

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

/* Set the program's process up; returns what zygote.py has to know: texts that
 * end with zero: "1" if the streams are pipes and not files, how many arguments there are, arguments, environment. */
static void *begin(const struct zygote_head *head, const int *descriptors, make_bytes *bytes) {
    const char *at = packet + sizeof *head;
    struct start start = {
        .in = descriptors[0], .out = descriptors[1], .err = descriptors[2], .files = files,
        .file_count = head->file_count, .uid = head->uid, .limit_data = head->limit_data, .limits = head->limits,
    };
    const char *modes = at;
    at += head->file_count * sizeof(uint32_t);
    start.directory = next_text(&at);
    for (uint32_t i = 0; i < head->file_count; i++) {
        uint32_t mode;
        memcpy(&mode, modes + i * sizeof mode, sizeof mode);
        files[i] = (struct file){next_text(&at), mode, descriptors[4 + i]};
    }
    struct stat input;
    bool connected = fstat(start.in, &input) != 0 || !S_ISREG(input.st_mode);
    prepare_child(&start, descriptors[3]);
    set_thread_stack(head->limits.stack_bytes);
    const char *texts = at;
    for (uint32_t i = 0; i < head->argument_count + head->environment_count; i++) next_text(&at);
    static char told[ZYGOTE_PACKET_MOST + 32];
    int length = snprintf(told, 32, "%d%c%u%c", connected, 0, head->argument_count, 0);
    memcpy(told + length, texts, (size_t)(at - texts));
    return bytes(told, length + (at - texts));
}

/* Returns the number of descriptors, -1 at the end. */
static int receive(struct zygote_head *head, int *descriptors, size_t *packet_size) {
    static union { char room[CMSG_SPACE((ZYGOTE_FILES_MOST + 4) * sizeof(int))]; struct cmsghdr align; } control;
    struct iovec vector = {packet, sizeof packet};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room,
    };
    ssize_t size = recvmsg(ZYGOTE_FD, &message, MSG_CMSG_CLOEXEC);
    if (size < (ssize_t)sizeof *head) return size < 0 && errno == EINTR ? 0 : -1;
    *packet_size = (size_t)size;
    memcpy(head, packet, sizeof *head);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights == NULL || rights->cmsg_type != SCM_RIGHTS) return -1;
    size_t bytes = rights->cmsg_len - CMSG_LEN(0);
    memcpy(descriptors, CMSG_DATA(rights), bytes);
    return (int)(bytes / sizeof(int));
}

/* A fork copies no page tables of mapped files, since faults would fill them; but each of those faults costs a program
 * more than the copy. The kernel does copy them for a mapping that has been written to, so one byte of each is. */
static void keep_page_tables(void) {
    struct mapping { uintptr_t begin, end; int protection; } mappings[MAPPINGS_MOST];
    size_t count = 0;
    char line[512], permissions[8];
    unsigned long inode;
    FILE *list = fopen("/proc/self/maps", "re");
    if (list == NULL) return;
    while (count < MAPPINGS_MOST && fgets(line, sizeof line, list) != NULL) {
        struct mapping *m = &mappings[count];
        if (sscanf(line, "%lx-%lx %7s %*x %*s %lu", &m->begin, &m->end, permissions, &inode) != 4 || inode == 0) continue;
        if (permissions[0] != 'r' || permissions[1] == 'w' || permissions[3] != 'p') continue;
        m->protection = PROT_READ | (permissions[2] == 'x' ? PROT_EXEC : 0);
        count++;
    }
    fclose(list);
    for (size_t i = 0; i < count; i++) {
        void *begin = (void *)mappings[i].begin;
        size_t size = mappings[i].end - mappings[i].begin;
        if (mprotect(begin, size, mappings[i].protection | PROT_WRITE) != 0) continue;
        volatile char *byte = begin;
        *byte = *byte;
        mprotect(begin, size, mappings[i].protection);
        madvise(begin, size, MADV_POPULATE_READ);
    }
}

/* Serve until the supervisor hangs up. Returns in the process of a program, a new `bytes` (see `begin`).
 *
 * What Python does after a fork (PyOS_AfterFork_Child) is for processes with threads; it would touch so many pages that
 * a program started a millisecond later. The zygote has no threads: zygote.py does the rest. */
void *serve(void) {
    make_bytes *bytes;
    *(void **)&bytes = dlsym(RTLD_DEFAULT, "PyBytes_FromStringAndSize");
    if (bytes == NULL) _exit(5);
    set_dumpable(false);
    keep_page_tables();
    for (;;) {
        struct zygote_head head;
        int descriptors[ZYGOTE_FILES_MOST + 4];
        size_t packet_size;
        int count = receive(&head, descriptors, &packet_size);
        if (count < 0) _exit(0);
        if (count == 0) continue;
        int64_t pid = fork_for_parent();
        if (pid == 0) return begin(&head, descriptors, bytes);
        if (pid < 0) pid = -errno;
        for (int i = 0; i < count; i++) close(descriptors[i]);
        /* The next program inherits our memory, and shall find nothing of this one in it. */
        explicit_bzero(packet, packet_size);
        explicit_bzero(&head, sizeof head);
        if (write(ZYGOTE_FD, &pid, sizeof pid) != sizeof pid) _exit(0);
    }
}
