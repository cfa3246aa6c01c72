// tries: a deadlock of two threads
// wall_s: 0.6
// accept: wall_time
#include "hostile.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
    return finish();
}
