// tries: a computation at compile time without end
// compile: time, error, memory
// compile_s: 0.7
constexpr unsigned long long run(unsigned long long n)
{
    unsigned long long sum = 0;
    for (unsigned long long i = 0; i < n; i++)
        for (unsigned long long j = 0; j < n; j++)
            sum += i ^ j;
    return sum;
}
constexpr unsigned long long value = run(1ULL << 40);
int main() { return value != 0; }
