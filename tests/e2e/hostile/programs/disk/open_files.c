// tries: opens files without end
#include "hostile.h"

int main(void)
{
    int count = 0;
    while (count < 5000 && open("/dev/null", O_RDONLY) != -1)
        count++;
    struct rlimit more = {100000, 100000};
    REFUSED(setrlimit(RLIMIT_NOFILE, &more));
    if (count > 256)
        escaped("more open files than the limit");
    return finish();
}
