// tries: descriptors that it was given by mistake: channels, memory files, directories
#include "hostile.h"

int main(void)
{
    for (int fd = 3; fd < 65536; fd++)
        if (fcntl(fd, F_GETFD) != -1) {
            char path[64], target[256] = {0};
            snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
            readlink(path, target, sizeof target - 1);
            fprintf(stderr, "%s\n", target);
            escaped("an open descriptor");
        }
    return finish();
}
