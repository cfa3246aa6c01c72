// tries: zero bytes, invalid UTF-8, control characters and terminal sequences
// expect: \ACONTAINED\0\xff\xfe\xc0\xaf\x1b\]0;title\x07\x1b\[2J\r\n\Z
#include "hostile.h"

int main(void)
{
    const char text[] = "CONTAINED\0\xff\xfe\xc0\xaf\x1b]0;title\x07\x1b[2J\r\n";
    write(1, text, sizeof text - 1);
    return 0;
}
