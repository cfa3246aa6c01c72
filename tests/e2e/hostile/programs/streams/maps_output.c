// tries: maps its output and goes on changing it when the program has ended
// expect: \A.{32}\Z
#include "hostile.h"

int main(void)
{
    if (ftruncate(1, 32))
        return 1;
    int again = open("/proc/self/fd/1", O_RDWR);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again >= 0 ? again : 1, 0);
    if (map == MAP_FAILED) {
        pwrite(1, "CONTAINED CONTAINED CONTAINED  \n", 32, 0);
        return 0;
    }
    memset(map, 'a', 32);
    for (int n = 0; n < 3; n++)
        if (fork() == 0) {
            setsid();
            for (unsigned i = 0;; i++)
                map[i % 32] = (char)('a' + i % 26);
        }
    usleep(10000);
    return 0;
}
