// tries: keyrings, which outlive processes
#include "hostile.h"

int main(void)
{
    REFUSED(syscall(SYS_add_key, "user", "left", "behind", 6, -4));
    REFUSED(syscall(SYS_add_key, "user", "left", "behind", 6, -5));
    REFUSED(syscall(SYS_request_key, "user", "left", NULL, -4));
    for (int operation = 0; operation < 32; operation++)
        REFUSED(syscall(SYS_keyctl, operation, -3, 0, 0, 0));
    return finish();
}
