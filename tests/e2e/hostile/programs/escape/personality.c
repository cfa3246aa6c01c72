// tries: switches off address randomisation and protections by personality
#include "hostile.h"
#include <sys/personality.h>

int main(void)
{
    REFUSED(personality(READ_IMPLIES_EXEC));
    REFUSED(personality(MMAP_PAGE_ZERO));
    REFUSED(personality(ADDR_COMPAT_LAYOUT));
    REFUSED(personality(PER_LINUX32));
    REFUSED((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    return finish();
}
