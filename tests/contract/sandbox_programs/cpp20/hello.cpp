#include <bits/stdc++.h>
static_assert(__cplusplus == 202002L);
int main() {
    constexpr std::string_view word = "hello";
    auto letters = word | std::views::transform([](char c) { return c; });
    std::ranges::copy(letters, std::ostream_iterator<char>(std::cout));
    std::cout << std::endl;
}
