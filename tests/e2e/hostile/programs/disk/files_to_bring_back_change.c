// tries: a process that goes on exchanging the file that is asked for with a link
// keep: file a/file
// expect: \ACONTAINED\n(a/file=b'own'\n)?(file=b'own'\n)?\Z
#include "hostile.h"

int main(void)
{
    int fd = open("file", O_CREAT | O_WRONLY, 0600);
    write(fd, "own", 3);
    mkdir("a", 0700);
    symlink("/etc/passwd", "other");
    symlink("/etc", "b");
    fd = open("a/file", O_CREAT | O_WRONLY, 0600);
    write(fd, "own", 3);
    for (int n = 0; n < 8; n++)
        if (fork() == 0) {
            setsid();
            for (;;) {
                renameat2(AT_FDCWD, "file", AT_FDCWD, "other", RENAME_EXCHANGE);
                renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE);
            }
        }
    usleep(5000);
    return finish();
}
