// tries: files that cannot be removed: immutable, append-only, with access lists and attributes
#include "hostile.h"
#include <linux/fs.h>
#include <sys/xattr.h>

int main(void)
{
    int fd = open("/tmp/kept", O_CREAT | O_RDWR, 0600);
    int flags = FS_IMMUTABLE_FL;
    REFUSED(ioctl(fd, FS_IOC_SETFLAGS, &flags));
    flags = FS_APPEND_FL;
    REFUSED(ioctl(fd, FS_IOC_SETFLAGS, &flags));
    mkdir("/tmp/listed", 0700);
    unsigned char nobody[] = {2, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255, 4, 0, 0, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};
    setxattr("/tmp/listed", "system.posix_acl_default", nobody, sizeof nobody, 0);
    setxattr("/tmp/listed", "system.posix_acl_access", nobody, sizeof nobody, 0);
    REFUSED(setxattr("/tmp/kept", "security.capability", "\1\0\0\2\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377", 20, 0));
    REFUSED(setxattr("/tmp/kept", "trusted.x", "x", 1, 0));
    char value[4000];
    memset(value, 'v', sizeof value);
    for (int n = 0; n < 2000; n++) {
        char name[32];
        snprintf(name, sizeof name, "user.%d", n);
        if (setxattr("/tmp/kept", name, value, sizeof value, 0))
            break;
    }
    return finish();
}
