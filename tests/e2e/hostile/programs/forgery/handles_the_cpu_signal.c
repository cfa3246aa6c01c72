// tries: handles the signal of the CPU limit and goes on
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
#include "hostile.h"

static void again(int number)
{
    signal(number, again);
}

int main(void)
{
    for (int number = 1; number < 65; number++)
        signal(number, again);
    spin();
}
