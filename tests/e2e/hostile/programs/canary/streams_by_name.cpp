// tries: legitimate: freopen of its streams by name, as many contest programs do
// stdin: 20 22
// expect: \A42\n\Z
#include <cstdio>

int main()
{
    int a, b;
    if (!std::freopen("/dev/stdin", "r", stdin) || !std::freopen("/dev/stdout", "w", stdout) || std::scanf("%d %d", &a, &b) != 2)
        return 1;
    std::printf("%d\n", a + b);
}
