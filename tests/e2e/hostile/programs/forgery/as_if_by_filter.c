// tries: ends by SIGSYS without a forbidden call
// accept: signal
// signal: 31
#include "hostile.h"

int main(void)
{
    raise(SIGSYS);
    return 0;
}
