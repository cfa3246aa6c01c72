# tries: writes to settings of the kernel
import glob

from hostile import finish, read, refused, write

paths = ["/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/modprobe",
         "/proc/sys/vm/overcommit_memory", "/proc/sys/vm/drop_caches", "/proc/sys/vm/panic_on_oom", "/proc/sys/kernel/ns_last_pid",
         "/proc/sys/kernel/pid_max", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/user/max_user_namespaces",
         "/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/shmmax", "/proc/sys/fs/mqueue/msg_max", "/proc/irq/default_smp_affinity",
         "/proc/acpi/wakeup", "/proc/mtrr", "/proc/bus/pci", "/proc/scsi/scsi", "/proc/fs/nfsd", "/proc/asound"]
for path in paths + glob.glob("/proc/sys/kernel/*") + glob.glob("/proc/sys/vm/*") + glob.glob("/proc/sys/fs/*"):
    refused(f"write {path}", write, path, b"1\n")
for path in ("/proc/kcore", "/proc/kmsg", "/proc/kpageflags", "/proc/kpagecount", "/proc/vmallocinfo", "/proc/slabinfo", "/dev/kmsg", "/dev/mem"):
    refused(f"read {path}", read, path)
finish()
