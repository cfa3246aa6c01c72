// tries: closes standard output and opens a file, which gets its number
// expect: \ACONTAINED\n\Z
#include "hostile.h"

int main(void)
{
    finish();
    close(1);
    int fd = open("/tmp/other", O_CREAT | O_RDWR, 0600);
    if (fd == 1)
        write(1, "ESCAPED\n", 8);
    return 0;
}
