// tries: hard links to files of the system and of the supervisor
#include "hostile.h"

int main(void)
{
    const char *targets[] = {"/etc/passwd", "/etc/shadow", "/usr/bin/python3", "/bin/sh", "/proc/1/exe", "/proc/self/exe",
                             "/solvent/supervisor", "/usr/bin/gcc"};
    for (unsigned n = 0; n < sizeof targets / sizeof *targets; n++) {
        REFUSED(link(targets[n], "linked"));
        REFUSED(link(targets[n], "/tmp/linked"));
        REFUSED(linkat(AT_FDCWD, targets[n], AT_FDCWD, "/tmp/linked", AT_SYMLINK_FOLLOW));
        int fd = open(targets[n], O_PATH);
        REFUSED(linkat(fd, "", AT_FDCWD, "/tmp/linked", AT_EMPTY_PATH));
        close(fd);
    }
    return finish();
}
