// tries: legitimate: static destructors and exit handlers
// accept: exit
// code: 5
// expect: \Amain\nhandler\ndestroyed\n\Z
#include <cstdio>
#include <cstdlib>

struct Thing {
    ~Thing() { std::puts("destroyed"); }
} thing;

int main()
{
    std::atexit([] { std::puts("handler"); });
    std::puts("main");
    std::exit(5);
}
