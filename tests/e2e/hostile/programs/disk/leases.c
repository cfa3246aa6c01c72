// tries: leases on files of the system, so that the next one who opens them has to wait
#include "hostile.h"

int main(void)
{
    const char *paths[] = {"/usr/bin/python3", "/bin/sh", "/usr/bin/gcc", "/etc/passwd", "/lib64/ld-linux-x86-64.so.2"};
    for (int n = 0; n < 5; n++) {
        int fd = open(paths[n], O_RDONLY);
        if (fd == -1)
            continue;
        REFUSED(fcntl(fd, F_SETLEASE, F_RDLCK));
        REFUSED(fcntl(fd, F_SETLEASE, F_WRLCK));
    }
    return finish();
}
