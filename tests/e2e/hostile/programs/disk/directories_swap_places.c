// tries: a process that goes on exchanging a directory with a link while the sweep walks through it
#include "hostile.h"

int main(void)
{
    mkdir("/tmp/a", 0700);
    mkdir("/tmp/a/b", 0700);
    symlink("/etc", "/tmp/link");
    for (int n = 0; n < 8; n++)
        if (fork() == 0)
            for (;;) {
                renameat2(AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/link", RENAME_EXCHANGE);
                mkdir("/tmp/a/c", 0700);
                mkdir("/w/more", 0);
            }
    usleep(20000);
    return finish();
}
