/* Helpers of hostile C and C++ programs; lies beside the program when it is compiled. */
#ifndef HOSTILE_H
#define HOSTILE_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int hostile_escapes;

__attribute__((unused)) static void escaped(const char *what)
{
    printf("ESCAPED %s\n", what);
    fflush(stdout);
    hostile_escapes++;
}

/* Anything but -1 is an escape. */
#define REFUSED(call)                                                      \
    do {                                                                   \
        errno = 0;                                                         \
        long result_ = (long)(call);                                       \
        if (result_ != -1) {                                               \
            printf("ESCAPED %s returned %ld\n", #call, result_);           \
            fflush(stdout);                                                \
            hostile_escapes++;                                             \
        } else {                                                           \
            fprintf(stderr, "refused %s: %s\n", #call, strerror(errno));   \
        }                                                                  \
    } while (0)

__attribute__((unused)) static int finish(void)
{
    if (!hostile_escapes)
        puts("CONTAINED");
    fflush(stdout);
    return 0;
}

/* Write to memory so that no compiler leaves it out. */
__attribute__((unused)) static void fill(void *block, int value, size_t size)
{
    memset(block, value, size);
    __asm__ volatile("" : : "r"(block) : "memory");
}

/* Burn CPU time of this thread. */
__attribute__((unused)) static void burn(double seconds)
{
    struct timespec start, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    do {
        for (volatile int i = 0; i < 20000; i++) {
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
}

__attribute__((unused)) static void spin(void)
{
    for (volatile unsigned i = 0;; i++) {
    }
}
#endif
