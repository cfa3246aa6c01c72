// tries: makes the pipes of the channel as large and as small as it can, and changes their modes
// connected: yes
// stdin: hello\n
// expect: \A.*CONTAINED\n\Z
#include "hostile.h"

int main(void)
{
    char block[4096] = {0};
    for (int fd = 0; fd < 2; fd++) {
        fcntl(fd, F_SETPIPE_SZ, 1 << 20);
        fcntl(fd, F_SETPIPE_SZ, 4096);
        fcntl(fd, F_SETFL, O_NONBLOCK | O_DIRECT | O_APPEND);
        fcntl(fd, F_SETOWN, 1);
        fcntl(fd, F_SETSIG, SIGKILL);
        fcntl(fd, F_SETFL, O_ASYNC);
        fchmod(fd, 0);
        fchown(fd, getuid(), getgid());
        ioctl(fd, 0x541B, block);
    }
    int own = open("/proc/self/fd/1", O_RDWR | O_NONBLOCK);
    if (own >= 0)
        read(own, block, sizeof block);
    return finish();
}
