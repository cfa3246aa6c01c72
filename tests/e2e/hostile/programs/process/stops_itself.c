// tries: stops itself, so that it uses neither CPU time nor ends
// wall_s: 0.6
// accept: wall_time
#include "hostile.h"

int main(void)
{
    for (;;)
        raise(SIGSTOP);
}
