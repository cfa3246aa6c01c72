// tries: legitimate: eight mebibytes in and out by streams
// stdin_repeat: 1048576 abcdefg\n
// output_bytes: 8388608
// cpu_s: 3
// expect: \Aabcdefg\n
// stdout_size: 8388608
#include <iostream>
#include <string>

int main()
{
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    for (std::string line; std::getline(std::cin, line);)
        std::cout << line << '\n';
}
