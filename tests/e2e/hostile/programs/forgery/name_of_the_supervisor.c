// tries: takes the name, the arguments and the directory of the supervisor
#include "hostile.h"

int main(int argc, char **argv)
{
    (void)argc;
    prctl(PR_SET_NAME, "supervisor", 0, 0, 0);
    strncpy(argv[0], "/init", strlen(argv[0]));
    chdir("/solvent");
    if (fork() == 0) {
        prctl(PR_SET_NAME, "zygote", 0, 0, 0);
        setsid();
        if (fork() == 0)
            for (;;)
                pause();
        _exit(0);
    }
    return finish();
}
