// tries: empty directories without end, then none may be entered
// cpu_s: 2
// backends: docker, local
// box: any
#include "hostile.h"

int main(void)
{
    int count = 0;
    for (; count < 100000; count++) {
        char name[64];
        snprintf(name, sizeof name, "/tmp/d%d", count);
        if (mkdir(name, 0) == -1)
            break;
    }
    if (count > 20000)
        escaped("more than 20000 directories");
    return finish();
}
