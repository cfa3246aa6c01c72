// tries: an orphan in a session of its own computes while it sleeps
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
// cpu_at_least: 0.3
#include "hostile.h"

int main(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0)
            spin();
        _exit(0);
    }
    for (;;)
        pause();
}
