// tries: closes its streams and computes on
// connected: yes
// stdin_repeat: 300000 x
// cpu_s: 0.3
// wall_s: 20
// accept: cpu_time
// expect: \A\Z
#include "hostile.h"

int main(void)
{
    close(0);
    close(1);
    close(2);
    spin();
}
