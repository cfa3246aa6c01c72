// tries: writes what a failed start would report, and exits as such a start does
// accept: exit
// code: 1
#include "hostile.h"

int main(void)
{
    const char *report = "{\"step\": \"execute\", \"error\": \"no such file\", \"errno\": 2}";
    for (int fd = 3; fd < 1024; fd++)
        if (write(fd, report, strlen(report)) != -1)
            escaped("a descriptor took a report");
    finish();
    return 1;
}
