// tries: numbers beyond the table, and calls that are newer than the filter
#include "hostile.h"

int main(void)
{
    for (long number = 471; number < 1200; number++)
        REFUSED(syscall(number, 0, 0, 0, 0, 0, 0));
    REFUSED(syscall(0x3fffffff, 0, 0, 0, 0, 0, 0));
    return finish();
}
