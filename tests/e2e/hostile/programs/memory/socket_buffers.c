// tries: kernel memory of sockets, and descriptors in flight that nobody holds
// accept: ok, memory
// expect: CONTAINED|\A\Z
#include "hostile.h"

int main(void)
{
    static char block[4096];
    int pair[2];
    long total = 0;
    while (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0) {
        struct iovec io = {block, sizeof block};
        char control[CMSG_SPACE(sizeof(int) * 2)] = {0};
        struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * 2);
        memcpy(CMSG_DATA(header), pair, sizeof pair);
        while (sendmsg(pair[0], &message, 0) > 0)
            total += sizeof block;
    }
    fprintf(stderr, "%ld bytes in sockets\n", total);
    return finish();
}
