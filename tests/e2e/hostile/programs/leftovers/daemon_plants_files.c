// tries: daemons that plant files for ever, faster than they are removed
// accept: ok
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 12; n++)
        if (fork() == 0) {
            setsid();
            for (unsigned i = 0;; i++) {
                char name[64];
                snprintf(name, sizeof name, "/tmp/p%d-%u", n, i % 50);
                close(open(name, O_CREAT | O_WRONLY, 0600));
                snprintf(name, sizeof name, "/w/q%d-%u", n, i % 50);
                mkdir(name, 0);
            }
        }
    usleep(20000);
    return finish();
}
