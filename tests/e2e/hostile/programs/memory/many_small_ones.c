// tries: many processes that each are smaller than the supervisor's own, with the score of the killer lowered, all at once
// processes: 60
// accept: memory
// accept@plain-user: memory, signal, exit, ok
// expect: CONTAINED|\A\Z
// box: any
#include "hostile.h"

int main(void)
{
    int own = open("/proc/self/oom_score_adj", O_WRONLY);
    write(own, "0", 1);
    for (int n = 0; n < 50; n++)
        if (fork() == 0) {
            size_t size = 6 << 20;
            void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (block != MAP_FAILED)
                fill(block, 1, size);
            usleep(300000);
            _exit(0);
        }
    while (wait(NULL) > 0) {
    }
    return finish();
}
