// tries: many names for one file, links in rings, links to itself
#include "hostile.h"

int main(void)
{
    close(open("one", O_CREAT | O_WRONLY, 0600));
    for (int n = 0; n < 2000; n++) {
        char name[32];
        snprintf(name, sizeof name, "l%d", n);
        if (link("one", name))
            break;
    }
    symlink("ring2", "ring1");
    symlink("ring1", "ring2");
    symlink("self", "self");
    symlink(".", "here");
    symlink("..", "/tmp/up");
    symlink("/proc/self/cwd", "/tmp/cwd");
    symlink("/proc/self/fd/0", "/tmp/zero");
    return finish();
}
