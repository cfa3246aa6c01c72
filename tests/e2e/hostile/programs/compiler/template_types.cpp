// tries: a type whose name grows exponentially
// compile: any
// expect: \A\Z
// compile_s: 0.7
template <class A, class B> struct Pair {};
template <int n, class T> struct Grow { using type = typename Grow<n - 1, Pair<T, T>>::type; };
template <class T> struct Grow<0, T> { using type = T; };
void print(Grow<30, int>::type) {}
int main() { return 0; }
