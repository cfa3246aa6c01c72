// tries: empty files without end
// cpu_s: 2
// backends: docker, local
#include "hostile.h"

int main(void)
{
    int count = 0;
    const char *folders[] = {".", "/tmp", "/dev/shm", "/w"};
    for (int n = 0; n < 4; n++)
        for (int number = 0; number < 100000; number++) {
            char name[64];
            snprintf(name, sizeof name, "%s/f%d", folders[n], number);
            int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0);
            if (fd == -1)
                break;
            close(fd);
            count++;
        }
    fprintf(stderr, "%d files\n", count);
    if (count > 20000)
        escaped("more than 20000 files");
    return finish();
}
