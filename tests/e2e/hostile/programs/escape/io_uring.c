// tries: io_uring, with which many filters are passed by
#include "hostile.h"

int main(void)
{
    char parameters[120] = {0};
    REFUSED(syscall(425, 8, parameters));
    REFUSED(syscall(426, 0, 1, 0, 0, 0, 0));
    REFUSED(syscall(427, 0, 0, 0, 0));
    return finish();
}
