// tries: prints without end, a byte at a time
// cpu_s: 3
// accept: output
// expect: \Ay+\Z
// stdout_size: 65536
#include "hostile.h"

int main(void)
{
    for (;;)
        write(1, "y", 1);
}
