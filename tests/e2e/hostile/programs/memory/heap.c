// tries: touches memory without end
// accept: memory
// accept@plain-user: memory, signal, exit
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 400; n++) {
        char *block = malloc(1 << 20);
        if (!block)
            return 1;
        fill(block, n + 1, 1 << 20);
    }
    escaped("400 MiB");
}
