// tries: every call that changes the uid, the gid, the groups or the capabilities
#include "hostile.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>

int main(void)
{
    uid_t me = getuid();
    uid_t others[] = {0, 1, me + 1, me - 1, 1000, 65534 == me ? 65533 : 65534};
    for (int n = 0; n < 6; n++) {
        REFUSED(setuid(others[n]));
        REFUSED(setreuid(others[n], others[n]));
        REFUSED(setresuid(others[n], others[n], others[n]));
        REFUSED(setgid(others[n]));
        REFUSED(setresgid(others[n], others[n], others[n]));
        setfsuid(others[n]);
        if ((uid_t)setfsuid(me) == others[n])
            escaped("the uid for files");
    }
    gid_t root = 0;
    REFUSED(setgroups(1, &root));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    REFUSED(syscall(SYS_capset, &header, all));
    REFUSED(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 7, 0, 0));
    REFUSED(prctl(PR_CAPBSET_DROP, 7, 0, 0, 0));
    REFUSED(prctl(PR_SET_SECUREBITS, 1, 0, 0, 0));
    REFUSED(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return finish();
}
