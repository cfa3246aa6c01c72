#include <iostream>
#include <thread>
#include <vector>
int main() {
    std::vector<int> squares(8);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&squares, i] { squares[i] = i * i; });
    for (auto& thread : threads) thread.join();
    int sum = 0;
    for (int square : squares) sum += square;
    std::cout << sum << std::endl;
}
