// tries: legitimate: locale of C and C++
// expect: \A1234.5 3\n\Z
#include <clocale>
#include <cwchar>
#include <iostream>

int main()
{
    std::setlocale(LC_ALL, "");
    std::mbstate_t state{};
    const char *text = "\u20ac";
    std::cout << 1234.5 << ' ' << std::mbrlen(text, 8, &state) << '\n';
}
