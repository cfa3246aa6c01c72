// tries: files beyond the size limit, with the signal for that ignored
#include "hostile.h"

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    int fd = open("sparse", O_CREAT | O_RDWR, 0600);
    REFUSED(ftruncate(fd, 1L << 40));
    REFUSED(fallocate(fd, 0, 0, 1L << 36));
    REFUSED(posix_fallocate(fd, 0, 1L << 36) ? -1 : 0);
    REFUSED(pwrite(fd, "x", 1, 1L << 40));
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    REFUSED(setrlimit(RLIMIT_FSIZE, &more));
    return finish();
}
