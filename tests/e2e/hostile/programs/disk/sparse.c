// tries: a file that seems to be a terabyte large
// accept: signal
// signal: 25
#include "hostile.h"

int main(void)
{
    int fd = open("sparse", O_CREAT | O_RDWR, 0600);
    ftruncate(fd, 1L << 40);
    escaped("a file of a terabyte");
}
