/* Calls of the kernel that the C library lacks or makes long. */
#ifndef SOLVENT_SYSTEM_H
#define SOLVENT_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CAPABILITY_SETGID = 6, CAPABILITY_SETUID = 7, CAPABILITY_SYS_ADMIN = 21 };

void *need(void *memory);                       /* ends the process if it is NULL */
double now_s(void);                             /* monotonic clock */
double process_cpu_s(pid_t pid);                /* CPU time of a process and its threads, 0 if it is gone */
int set_dumpable(bool dumpable);
int no_new_privileges(void);
int die_with_parent(void);
int install_filter(const void *filter, size_t size);
uint64_t held_capabilities(void);
int keep_capabilities(uint64_t wanted);         /* drops the others, from the bounding set too where permitted */
int mount_tmpfs(const char *path, const char *options, bool executable);
int memory_file(const char *name, bool sealable);                           /* descriptor, closed on exec, or -1 */
int memory_file_with(const char *name, const void *content, size_t size);   /* sealed: it can never be changed */

int write_all(int fd, const void *data, size_t size);
long read_small(int fd, char *text, size_t room);   /* a file of /proc or a cgroup from its start; ends it with zero */
void close_from(int first);
void default_signals(void);     /* every disposition and the mask as a fresh process has them */

#endif
