// tries: processes that stand in directories which are to be removed
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 10; n++) {
        char name[32];
        snprintf(name, sizeof name, "/tmp/in%d", n);
        mkdir(name, 0700);
        if (fork() == 0) {
            chdir(name);
            setsid();
            for (;;)
                mkdir("again", 0700);
        }
    }
    usleep(10000);
    return finish();
}
