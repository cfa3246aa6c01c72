// tries: recursion without end
// accept: signal, memory
#include "hostile.h"

static int deeper(volatile char *above)
{
    volatile char room[4096];
    room[0] = above[0];
    return deeper(room) + room[0];
}

int main(void)
{
    char first = 1;
    return deeper(&first);
}
