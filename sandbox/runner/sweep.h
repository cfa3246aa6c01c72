/* After a run: kill everything of it, bring back files that were asked for, and leave nothing behind.
 *
 * A supervisor without CAP_KILL cannot kill a process of another uid, and must never open by path what a program could
 * have replaced. So a helper is forked that takes the run's uid as its effective one: whatever it is led to, the
 * program could do itself. Its real and saved uids are of no program, so that none can kill or trace it. */
#ifndef SOLVENT_SWEEP_H
#define SOLVENT_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct keep {
    char *name;
    uint64_t max_bytes;
    int target;     /* anonymous file that takes the content */
    bool present;
};

struct roots { char **paths; size_t count; };

enum { PROBLEM_TEXT = 200, PROBLEMS_MOST = 8 };
struct problems { size_t count; char text[PROBLEMS_MOST][PROBLEM_TEXT]; };

void add_problem(struct problems *problems, const char *what, const char *which);

/* Whose processes are meant, and whom no program can touch. `run` is -1 where both are ourselves. */
struct uids { int64_t run, helper; };

/* Kill as the run, bring back, wipe. The caller reaps: `reap` is called with each child that ended
 * meanwhile. Returns false if the helper did not get it done. */
typedef void reap_function(void *context, pid_t pid, int status, const void *usage);
bool sweep(struct uids uids, const char *directory, const struct roots *roots, struct keep *keep, size_t keep_count,
           const int *close_first, size_t close_count, struct problems *problems, reap_function *reap, void *context);

/* Send a signal to a process of the run, as the run. */
void signal_as(struct uids uids, pid_t pid, int number, reap_function *reap, void *context);

/* Report what is left in the box: entries of writable directories, and processes other than this one and `zygote`. */
void find_leftovers(const struct roots *roots, pid_t zygote, struct problems *problems);
bool others_alive(pid_t zygote);

#endif
