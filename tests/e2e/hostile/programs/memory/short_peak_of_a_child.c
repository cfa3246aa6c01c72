// tries: a child takes 200 MiB for a moment, and is waited for
// accept: memory
// accept@plain-user: memory, signal, exit
#include "hostile.h"

int main(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        size_t size = 200 << 20;
        char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        _exit(block == MAP_FAILED);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (status)
        return 1;
    return finish();
}
