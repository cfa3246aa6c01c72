// tries: takes all rights from its own directory and from files in it
#include "hostile.h"

int main(void)
{
    mkdir("a", 0700);
    mkdir("a/b", 0);
    close(open("a/file", O_CREAT | O_WRONLY, 0));
    chmod("a", 0);
    chmod("main", 0);
    chmod(".", 0);
    return finish();
}
