// tries: a child runs into the limit while its parent looks innocent
// accept: memory
// accept@plain-user: memory, ok
#include "hostile.h"

int main(void)
{
    if (fork() == 0) {
        for (int n = 0; n < 400; n++) {
            char *block = malloc(1 << 20);
            if (!block)
                _exit(1);
            fill(block, 1, 1 << 20);
        }
        escaped("400 MiB");
    }
    wait(NULL);
    return finish();
}
