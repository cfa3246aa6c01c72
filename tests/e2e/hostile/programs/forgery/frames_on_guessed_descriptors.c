// tries: writes frames to every descriptor that the channel could have
// accept: exit
// code: 3
#include "hostile.h"

int main(void)
{
    char frame[] = "SLV2A\0\0\0\1\0\0\0\4\0\0\0\0\0\0\0";
    for (int fd = 3; fd < 70000; fd++)
        if (write(fd, frame, sizeof frame) != -1 || errno != EBADF) {
            escaped("a descriptor took a frame");
        }
    finish();
    return 3;
}
