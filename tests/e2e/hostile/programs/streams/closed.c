// tries: closes all streams and goes on
// expect: \A\Z
#include "hostile.h"

int main(void)
{
    close(0);
    close(1);
    close(2);
    printf("nobody hears\n");
    fflush(stdout);
    return 0;
}
