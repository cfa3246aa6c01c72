// tries: sockets of every family but the local one
#include "hostile.h"

int main(void)
{
    int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM, 10};
    int protocols[] = {0, 1, 6, 15, 16, 17, 255};
    for (int family = 0; family < 64; family++)
        for (int type = 0; type < 6; type++)
            for (int protocol = 0; protocol < 7; protocol++)
                if (family != AF_UNIX && socket(family, types[type], protocols[protocol]) != -1) {
                    fprintf(stderr, "family %d type %d protocol %d\n", family, types[type], protocols[protocol]);
                    escaped("a socket");
                }
    int pair[2];
    REFUSED(socketpair(AF_INET, SOCK_STREAM, 0, pair));
    REFUSED(socketpair(30, SOCK_STREAM, 0, pair));
    return finish();
}
