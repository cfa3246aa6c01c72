// tries: userfaultfd, memory secrets, kernel tracing and other calls with large surfaces
#include "hostile.h"

int main(void)
{
    char attributes[128] = {0};
    attributes[4] = 112;
    REFUSED(syscall(SYS_userfaultfd, 0));
    REFUSED(syscall(SYS_userfaultfd, 1));
    REFUSED(syscall(447, 0));
    REFUSED(syscall(SYS_bpf, 0, attributes, sizeof attributes));
    REFUSED(syscall(SYS_bpf, 5, attributes, sizeof attributes));
    REFUSED(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
    REFUSED(syscall(SYS_lookup_dcookie, 0, attributes, 8));
    REFUSED(open("/dev/userfaultfd", O_RDWR));
    REFUSED(open("/sys/kernel/tracing/trace", O_RDONLY));
    REFUSED(open("/sys/kernel/debug/kprobes/list", O_RDONLY));
    return finish();
}
