// tries: a vfork child that sleeps, while its parent waits without being killable by ordinary signals
// wall_s: 0.6
// accept: wall_time
#include "hostile.h"

int main(void)
{
    if (vfork() == 0)
        for (;;)
            pause();
    return finish();
}
