// tries: System V and POSIX message objects, which outlive processes
#include "hostile.h"
#include <mqueue.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

int main(void)
{
    REFUSED(shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0666));
    REFUSED(shmget(0x5011, 1 << 20, IPC_CREAT | 0666));
    REFUSED((long)shmat(0, NULL, 0));
    REFUSED(semget(0x5011, 1, IPC_CREAT | 0666));
    REFUSED(msgget(0x5011, IPC_CREAT | 0666));
    REFUSED(mq_open("/left", O_CREAT | O_RDWR, 0666, NULL));
    REFUSED(open("/dev/mqueue/left", O_CREAT | O_RDWR, 0666));
    return finish();
}
