// tries: seals, locks, leases and owns its output stream, so that the reader has to wait
// expect: CONTAINED
#include "hostile.h"

int main(void)
{
    REFUSED(fcntl(1, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW));
    fcntl(1, F_SETOWN, 1);
    fcntl(1, F_SETSIG, SIGKILL);
    fcntl(1, F_SETFL, O_ASYNC | O_NONBLOCK);
    struct flock lock = {.l_type = F_WRLCK};
    fcntl(1, F_SETLK, &lock);
    fchmod(1, 0);
    finish();
    if (fork() == 0) {
        fcntl(1, F_OFD_SETLK, &lock);
        pause();
    }
    usleep(5000);
    return 0;
}
