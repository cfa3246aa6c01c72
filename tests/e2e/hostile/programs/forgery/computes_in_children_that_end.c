// tries: computes 0.4 s in children that have ended before anybody looks
// cpu_s: 2
// cpu_at_least: 0.35
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 20; n++) {
        if (fork() == 0) {
            burn(0.02);
            _exit(0);
        }
        wait(NULL);
    }
    return finish();
}
