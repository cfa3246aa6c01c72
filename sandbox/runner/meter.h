/* CPU time and memory of everything in the box: from its cgroup (v1, v2), else summed over /proc. */
#ifndef SOLVENT_METER_H
#define SOLVENT_METER_H

#include <stdint.h>

enum cgroup_kind { CGROUP_NONE = 0, CGROUP_V1 = 1, CGROUP_V2 = 2 };

struct sample {
    double cpu_s;           /* since the box began; only differences mean something */
    int64_t memory_bytes;   /* anonymous and shared memory, without the page cache of files on disk */
    uint64_t oom_kills;     /* processes that the kernel killed so far because the box ran out of memory */
};

struct meter { enum cgroup_kind kind; int cpu, memory, oom; };

struct meter find_meter(void);
struct sample take_sample(const struct meter *meter);
int64_t own_memory_bytes(int pid);
int64_t mapped_file_bytes(int pid);   /* resident pages of files on disk: libraries, mostly */

#endif
