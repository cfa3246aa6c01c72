// tries: vfork and execute itself without end
// cpu_s: 0.4
// wall_s: 3
// accept: cpu_time, wall_time, memory
#include "hostile.h"

int main(int argc, char **argv)
{
    (void)argc;
    for (;;)
        if (vfork() == 0) {
            execl("/proc/self/exe", argv[0], "again", NULL);
            _exit(1);
        }
}
