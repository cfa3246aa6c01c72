// tries: the calls of an administrator: modules, clock, reboot, swap, ports, names, quotas
// machine: x86_64
#include "hostile.h"
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <sys/timex.h>

int main(void)
{
    struct timespec now = {0, 0};
    struct timeval day = {1, 1};
    struct timex clock = {.modes = ADJ_OFFSET};
    char log[256];
    REFUSED(syscall(SYS_init_module, "", 0, ""));
    REFUSED(syscall(SYS_finit_module, 0, "", 0));
    REFUSED(syscall(SYS_delete_module, "ext4", 0));
    REFUSED(syscall(SYS_kexec_load, 0, 0, 0, 0));
    REFUSED(syscall(SYS_kexec_file_load, 0, 0, 0, 0, 0));
    REFUSED(reboot(RB_DISABLE_CAD));
    REFUSED(swapon("/tmp/x", 0));
    REFUSED(swapoff("/tmp/x"));
    REFUSED(syscall(SYS_acct, "/tmp/x"));
    REFUSED(settimeofday(&day, NULL));
    REFUSED(clock_settime(CLOCK_REALTIME, &now));
    REFUSED(adjtimex(&clock));
    REFUSED(sethostname("x", 1));
    REFUSED(setdomainname("x", 1));
    REFUSED(klogctl(3, log, sizeof log));
    REFUSED(syscall(SYS_quotactl, 0, "", 0, 0));
    REFUSED(syscall(SYS_vhangup));
    REFUSED(iopl(3));
    REFUSED(ioperm(0x70, 2, 1));
    REFUSED(syscall(SYS_modify_ldt, 0, log, sizeof log));
    return finish();
}
