// tries: computes to just below the limit, then sleeps
// cpu_s: 1
// wall_s: 0.8
// accept: wall_time
#include "hostile.h"

int main(void)
{
    burn(0.2);
    for (;;)
        pause();
}
