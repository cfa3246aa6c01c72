// tries: types characters into a terminal: its own streams, a new one, the controlling one
#include "hostile.h"

int main(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (isatty(fd))
            escaped("a stream is a terminal");
        REFUSED(ioctl(fd, TIOCSTI, "x"));
        REFUSED(ioctl(fd, TIOCSCTTY, 1));
    }
    int own = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (own != -1) {
        REFUSED(ioctl(own, TIOCSTI, "x"));
        char code = 3;
        REFUSED(ioctl(own, TIOCLINUX, &code));
        REFUSED(syscall(SYS_ioctl, own, 0x100005412UL, "x"));
    }
    REFUSED(open("/dev/tty", O_RDWR));
    REFUSED(open("/dev/console", O_RDWR));
    REFUSED(open("/dev/tty1", O_RDWR));
    return finish();
}
