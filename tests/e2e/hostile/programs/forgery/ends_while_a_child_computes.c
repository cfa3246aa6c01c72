// tries: ends with success at once while its child computes on
// cpu_s: 0.5
#include "hostile.h"

int main(void)
{
    if (fork() == 0) {
        setsid();
        spin();
    }
    return finish();
}
