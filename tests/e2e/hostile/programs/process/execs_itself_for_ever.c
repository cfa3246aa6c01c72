// tries: a new image every moment, so that what is measured per image begins anew
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
#include "hostile.h"

int main(int argc, char **argv)
{
    (void)argc;
    execl("/proc/self/exe", argv[0], NULL);
    return 1;
}
