// tries: lowers its out-of-memory score, so that another process is killed
// accept: memory
// accept@plain-user: memory, signal, exit
#include "hostile.h"

int main(void)
{
    int own = open("/proc/self/oom_score_adj", O_WRONLY);
    REFUSED(write(own, "-1000", 5));
    REFUSED(write(own, "-1", 2));
    int init = open("/proc/1/oom_score_adj", O_WRONLY);
    REFUSED(init == -1 ? -1 : write(init, "1000", 4));
    write(own, "0", 1);
    if (hostile_escapes)
        return 0;
    for (int n = 0; n < 400; n++) {
        char *block = malloc(1 << 20);
        if (!block)
            return 1;
        fill(block, n + 1, 1 << 20);
    }
    escaped("400 MiB");
}
