// tries: waits for input that never comes
// stdin: short
// wall_s: 0.6
// accept: ok
#include "hostile.h"
#include <poll.h>

int main(void)
{
    char line[16];
    struct pollfd wait_for = {0, POLLIN, 0};
    while (poll(&wait_for, 1, 100) == 1 && read(0, line, sizeof line) > 0) {
    }
    return finish();
}
