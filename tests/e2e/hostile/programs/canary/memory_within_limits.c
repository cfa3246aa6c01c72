// tries: legitimate: uses nine tenths of its memory
// memory_mb: 64
// expect: \Afine\n\Z
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    size_t size = 56 << 20;
    char *block = malloc(size);
    memset(block, 1, size);
    puts(block[size / 2] ? "fine" : "");
    return 0;
}
