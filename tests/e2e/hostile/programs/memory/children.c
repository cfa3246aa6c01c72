// tries: eight processes that each stay below the limit
// accept: memory
// wall_s: 20
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 8; n++)
        if (fork() == 0) {
            char *block = malloc(20 << 20);
            fill(block, 1, 20 << 20);
            sleep(10);
            _exit(0);
        }
    while (wait(NULL) > 0) {
    }
    escaped("160 MiB in children");
}
