// tries: forks without end from every process, as fast as C can
// cpu_s: 0.4
// wall_s: 3
// accept: cpu_time, wall_time, memory
#include "hostile.h"

int main(void)
{
    for (;;)
        fork();
}
