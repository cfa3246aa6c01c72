// tries: makes its output seem a terabyte large
// accept: signal, output
// expect: \A.{0,65536}\Z
#include "hostile.h"

int main(void)
{
    write(1, "before\n", 7);
    ftruncate(1, 1L << 40);
    escaped("an output of a terabyte");
}
