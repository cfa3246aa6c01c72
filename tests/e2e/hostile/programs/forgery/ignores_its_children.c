// tries: children that nobody waits for, so that their time is added to nobody's
// cpu_s: 2
// cpu_at_least: 0.35
// cpu_at_least@plain-user: 0
#include "hostile.h"

int main(void)
{
    signal(SIGCHLD, SIG_IGN);
    for (int n = 0; n < 20; n++) {
        if (fork() == 0) {
            burn(0.02);
            _exit(0);
        }
        wait(NULL);
    }
    return finish();
}
