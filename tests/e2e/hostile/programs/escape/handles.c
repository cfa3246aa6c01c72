// tries: opens files by handle, as was done to leave containers
#include "hostile.h"

int main(void)
{
    struct file_handle *handle = calloc(1, sizeof *handle + 128);
    int mount;
    handle->handle_bytes = 128;
    REFUSED(name_to_handle_at(AT_FDCWD, "/", handle, &mount, 0));
    handle->handle_bytes = 8;
    handle->handle_type = 1;
    memcpy(handle->f_handle, "\2\0\0\0\0\0\0\0", 8);
    int root = open("/", O_RDONLY);
    REFUSED(open_by_handle_at(root, handle, O_RDONLY));
    REFUSED(syscall(SYS_fanotify_init, 0, O_RDONLY));
    return finish();
}
