// tries: ends by SIGKILL, as if the memory had run out
// accept: signal
// signal: 9
#include "hostile.h"

int main(void)
{
    kill(getpid(), SIGKILL);
    return 0;
}
