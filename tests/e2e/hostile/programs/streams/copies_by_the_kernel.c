// tries: moves data between its streams without reading it: sendfile, splice, copy_file_range, vmsplice
// stdin: moved by the kernel\n
// expect: \A(moved by the kernel\n)+CONTAINED\n\Z
#include "hostile.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

int main(void)
{
    off_t at = 0;
    int ends[2];
    sendfile(1, 0, &at, 64);
    pipe(ends);
    at = 0;
    splice(0, &at, ends[1], NULL, 64, 0);
    splice(ends[0], NULL, 1, NULL, 64, 0);
    at = 0;
    copy_file_range(0, &at, 1, NULL, 64, 0);
    lseek(1, 0, SEEK_END);
    return finish();
}
