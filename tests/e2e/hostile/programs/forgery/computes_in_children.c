// tries: its children compute while it sleeps
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
// cpu_at_least: 0.3
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 3; n++)
        if (fork() == 0)
            spin();
    for (;;)
        pause();
}
