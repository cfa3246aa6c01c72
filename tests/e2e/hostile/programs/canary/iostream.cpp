// tries: legitimate: mixed streams of C and C++, in order
// expect: \Aone\ntwo\nthree\nfour\n\Z
#include <cstdio>
#include <iostream>

int main()
{
    std::cout << "one\n";
    std::printf("two\n");
    std::cout << "three" << std::endl;
    std::puts("four");
}
