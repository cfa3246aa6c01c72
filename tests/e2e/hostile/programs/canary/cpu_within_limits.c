// tries: legitimate: uses most of its CPU time
// cpu_s: 0.6
// wall_s: 20
// cpu_at_least: 0.35
#include "hostile.h"

int main(void)
{
    burn(0.4);
    return finish();
}
