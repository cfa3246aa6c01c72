// tries: a flood of single bytes, each of which could be a frame
// connected: yes
// cpu_s: 2
// wall_s: 20
// accept: output, cpu_time
// output_bytes: 100000
// expect: \Ax+\Z
#include "hostile.h"

int main(void)
{
    for (;;)
        write(1, "x", 1);
}
