// tries: device nodes
#include "hostile.h"
#include <sys/sysmacros.h>

int main(void)
{
    REFUSED(mknod("/tmp/memory", S_IFCHR | 0666, makedev(1, 1)));
    REFUSED(mknod("disk", S_IFBLK | 0666, makedev(8, 0)));
    REFUSED(mknod("/dev/shm/kvm", S_IFCHR | 0666, makedev(10, 232)));
    REFUSED(mknod("/w/fuse", S_IFCHR | 0666, makedev(10, 229)));
    const char *devices[] = {"/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/port", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse",
                             "/dev/net/tun", "/dev/loop-control", "/dev/loop0", "/dev/vsock", "/dev/userfaultfd", "/dev/console",
                             "/dev/tty", "/dev/tty0", "/dev/nvme0", "/dev/vhost-vsock", "/dev/uinput", "/dev/dri/card0", "/dev/nvidia0"};
    for (unsigned n = 0; n < sizeof devices / sizeof *devices; n++)
        REFUSED(open(devices[n], O_RDWR | O_NONBLOCK));
    return finish();
}
