/* From the fork to the program: everything that is set in a child before foreign code runs in it. The supervisor's
 * children and the zygote's go the same way. The seccomp filter is theirs already: the supervisor installs it for
 * itself, and a fork inherits it without the cost of compiling it anew. */
#ifndef SOLVENT_CHILD_H
#define SOLVENT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct limits {
    double cpu_s, wall_s;
    uint64_t memory_bytes, output_bytes, stderr_bytes, file_bytes, stack_bytes;
    uint32_t processes, open_files;
};

struct file {
    const char *name;   /* relative path of plain names */
    mode_t mode;
    int content;        /* anonymous file */
};

struct start {
    const char *directory;
    const char **argv, **environment;   /* end with NULL; not used by the zygote's children */
    struct file *files;
    size_t file_count;
    const struct file *executable;      /* the one of `files` that argv[0] names; it is executed and not written */
    int in, out, err;
    int64_t uid;            /* -1: keep ours, since this box may not change it */
    bool limit_data;        /* limit the data of each process too, where nothing limits all together */
    struct limits limits;
};

/* The status pipe: closes when the program begins. What comes on it before is the step that failed, with errno, or
 * COMPILE_FAILED from the zygote. */
enum { STATUS_FD = 3, EXECUTABLE_FD = 4 };
enum { STATUS_TEXT = 120 };
struct status_report { int32_t error; char step[STATUS_TEXT]; };
#define COMPILE_FAILED "compile"

uint64_t largest_file(const struct limits *limits);

/* Set this freshly forked process up; afterwards only descriptors 0 to 2 and STATUS_FD are open. Does not return on
 * failure: it reports and exits. */
void prepare_child(const struct start *start, int status);

/* prepare_child, then execute argv[0]. */
_Noreturn void become(const struct start *start, int status);

#endif
