// tries: legitimate: recursion that needs most of the memory as its stack
// memory_mb: 128
// expect: \A150000\n\Z
#include <stdio.h>

static int depth(int n)
{
    volatile char room[500];
    room[0] = (char)n;
    return n == 0 ? room[0] : 1 + depth(n - 1) + (room[0] - (char)n);
}

int main(void)
{
    printf("%d\n", depth(150000));
    return 0;
}
