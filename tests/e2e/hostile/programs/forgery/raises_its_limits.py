# tries: raises its limits, then lowers those of time to what never comes, and computes on
# cpu_s: 0.3
# wall_s: 20
# accept: cpu_time
import resource
import signal

for name in dir(resource):
    if name.startswith("RLIMIT_"):
        kind = getattr(resource, name)
        for wanted in ((resource.RLIM_INFINITY,) * 2, (1 << 40,) * 2, (resource.getrlimit(kind)[1],) * 2):
            try:
                resource.setrlimit(kind, wanted)
                if name != "RLIMIT_CPU" and wanted[0] == resource.RLIM_INFINITY and name in ("RLIMIT_NPROC", "RLIMIT_FSIZE"):
                    print("ESCAPED", name)
            except (OSError, ValueError):
                pass
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_PROF, 1e6)
signal.alarm(0)
while True:
    pass
