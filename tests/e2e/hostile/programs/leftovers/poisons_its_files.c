// tries: overwrites its own executable and input, which the next run of the same program gets again
// runs: 3
// stdin: 1\n
#include "hostile.h"

int main(void)
{
    FILE *file = fopen("seen", "r");
    if (file)
        escaped("a file of the run before");
    fclose(fopen("seen", "w"));
    unlink("main");
    file = fopen("main", "w");
    if (file) {
        fputs("#!/bin/sh\necho ESCAPED\n", file);
        fclose(file);
        chmod("main", 0777);
    }
    return finish();
}
