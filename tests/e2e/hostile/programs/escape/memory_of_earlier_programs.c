// tries: searches fresh memory, its stack and its files for what an earlier program in this box was given
// victim: yes
// cpu_s: 2
#include "hostile.h"

static char marker[] = "TNEVLOS";

static void search(const char *where, const unsigned char *data, size_t size)
{
    char wanted[16] = {0};
    for (int n = 0; n < 7; n++)
        wanted[n] = marker[6 - n];
    strcat(wanted, "-MARK");
    for (const unsigned char *at = data; (at = memmem(at, size - (size_t)(at - data), wanted, 12)); at++)
        if (at[12] == 'E' && at[13] == 'R' && at[14] == '-')
            escaped(where);
}

int main(void)
{
    size_t size = 40 << 20;
    unsigned char *block = malloc(size);
    search("fresh memory", block, size);
    unsigned char stack[1 << 20];
    __asm__ volatile("" : : "r"(stack) : "memory");
    search("stack", stack, sizeof stack);
    int fd = memfd_create("new", 0);
    ftruncate(fd, 4 << 20);
    search("memory file", mmap(NULL, 4 << 20, PROT_READ, MAP_SHARED, fd, 0), 4 << 20);
    fd = open("/tmp/new", O_CREAT | O_RDWR, 0600);
    ftruncate(fd, 4 << 20);
    search("file", mmap(NULL, 4 << 20, PROT_READ, MAP_SHARED, fd, 0), 4 << 20);
    return finish();
}
