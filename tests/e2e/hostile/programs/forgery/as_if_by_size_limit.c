// tries: ends by SIGXFSZ without having written anything
// accept: signal
// signal: 25
#include "hostile.h"

int main(void)
{
    signal(SIGXFSZ, SIG_DFL);
    raise(SIGXFSZ);
    return 0;
}
