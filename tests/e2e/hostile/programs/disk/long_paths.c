// tries: a directory so deep that its path is longer than any buffer, with a process inside
// box: any
#include "hostile.h"

int main(void)
{
    char name[201];
    memset(name, 'n', 200);
    name[200] = 0;
    for (int n = 0; n < 60; n++)
        if (mkdir(name, 0700) || chdir(name))
            break;
    if (fork() == 0)
        for (;;)
            pause();
    return finish();
}
