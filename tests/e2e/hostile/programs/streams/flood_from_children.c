// tries: twenty processes print without end
// cpu_s: 3
// wall_s: 20
// accept: output
#include "hostile.h"

int main(void)
{
    for (int n = 0; n < 20; n++)
        if (fork() == 0)
            for (;;)
                write(1, "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 32);
    while (wait(NULL) > 0) {
    }
    for (;;)
        pause();
}
