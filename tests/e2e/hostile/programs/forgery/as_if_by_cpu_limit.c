// tries: ends by SIGXCPU without having used CPU time
// accept: signal
// signal: 24
#include "hostile.h"

int main(void)
{
    signal(SIGXCPU, SIG_DFL);
    raise(SIGXCPU);
    return 0;
}
