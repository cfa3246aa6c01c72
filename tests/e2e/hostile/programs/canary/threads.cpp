// tries: legitimate: threads, locks and atomics
// expect: \A40000\n\Z
#include <atomic>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

int main()
{
    std::atomic<int> count{0};
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; n++)
        threads.emplace_back([&] {
            for (int i = 0; i < 10000; i++) {
                std::lock_guard<std::mutex> lock(mutex);
                count++;
            }
        });
    for (auto &thread : threads)
        thread.join();
    std::cout << count << '\n';
}
