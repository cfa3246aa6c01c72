// tries: mounts, by the old calls and the new ones, and other roots
#include "hostile.h"
#include <sys/mount.h>

int main(void)
{
    REFUSED(mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
    REFUSED(mount("/", "/tmp", NULL, MS_BIND, NULL));
    REFUSED(mount(NULL, "/", NULL, MS_REMOUNT, NULL));
    REFUSED(mount("proc", "/tmp", "proc", 0, NULL));
    REFUSED(umount2("/proc", MNT_DETACH));
    REFUSED(umount2("/tmp", MNT_DETACH));
    REFUSED(syscall(SYS_pivot_root, ".", "."));
    REFUSED(chroot("/tmp"));
    for (int number = 428; number <= 433; number++)
        REFUSED(syscall(number, -100, "/", 1, 0, 0));
    REFUSED(syscall(442, -100, "/", 0, 0, 0));
    REFUSED(syscall(457, 0, 0, 0, 0));
    REFUSED(syscall(458, 0, 0, 0, 0));
    REFUSED(syscall(467, -100, "/", 0, 0, 0));
    REFUSED(open("/dev/fuse", O_RDWR));
    return finish();
}
