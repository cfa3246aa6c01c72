/* The zygote: a Python interpreter that was started before the first request and forks every Python program.
 *
 * It never sees a request of the service: the supervisor sends it one packet a program, with what prepare_child needs,
 * and the descriptors. Its children are the supervisor's (CLONE_PARENT), which watches and reaps them. */
#ifndef SOLVENT_ZYGOTE_H
#define SOLVENT_ZYGOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "child.h"

enum { ZYGOTE_FD = 3, ZYGOTE_FILES_MOST = 200, ZYGOTE_PACKET_MOST = 128 << 10 };
enum { ZYGOTE_STACK_MB = 1024 };    /* room for the stacks of its children is laid out when it is executed */

/* Packet: this head, `file_count` modes, then strings that end with zero: directory, file names, arguments,
 * environment. Descriptors: in, out, err, status, files. */
struct zygote_head {
    int64_t uid;
    struct limits limits;
    uint32_t limit_data, file_count, argument_count, environment_count;
};

/* The supervisor's end. */
struct zygote { pid_t pid; int socket; };

/* Start it; pid is 0 if that fails. `close_first`: the supervisor's channel. */
struct zygote zygote_start(const char *python, const char *script, const int *close_first, size_t close_count);

/* Fork a program from it. Returns its pid or -1 (errno set: E2BIG if the request does not fit). */
pid_t zygote_fork(const struct zygote *zygote, const struct start *start, int status);

#endif
