// tries: writes its output backwards, with holes, and shortens it again
// expect: \ACONTAINED\n\0\0\0\0\0\0later\n\Z
#include "hostile.h"

int main(void)
{
    pwrite(1, "later\n", 6, 16);
    pwrite(1, "CONTAINED\n", 10, 0);
    write(1, "CONTAINED\n", 10);
    pwrite(1, "far away", 8, 40000);
    ftruncate(1, 22);
    return 0;
}
