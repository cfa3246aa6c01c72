// tries: changes its input, which others may share
// stdin: the input\n
// runs: 2
#include "hostile.h"

int main(void)
{
    char line[64] = {0};
    if (read(0, line, sizeof line - 1) != 10 || strcmp(line, "the input\n"))
        escaped("the input is not what was sent");
    REFUSED(write(0, "x", 1));
    REFUSED(pwrite(0, "x", 1, 0));
    REFUSED(ftruncate(0, 0));
    REFUSED(ftruncate(0, 1 << 20));
    REFUSED(fallocate(0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4));
    REFUSED(fallocate(0, 0, 0, 1 << 20));
    REFUSED((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0, 0));
    int again = open("/proc/self/fd/0", O_RDWR);
    if (again != -1) {
        REFUSED(write(again, "x", 1));
        REFUSED(ftruncate(again, 0));
    }
    again = open("/dev/stdin", O_RDWR | O_TRUNC);
    if (again != -1)
        REFUSED(write(again, "x", 1));
    lseek(0, 0, SEEK_END);
    fcntl(0, F_SETFL, O_NONBLOCK | O_APPEND);
    fchmod(0, 0);
    return finish();
}
