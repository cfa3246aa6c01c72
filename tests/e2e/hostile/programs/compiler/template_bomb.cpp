// tries: templates that double at each level
// compile: time, memory, error
// compile_s: 0.7
template <int a, int b> struct Tree { enum { value = Tree<a - 1, b>::value + Tree<a - 1, b + 1>::value }; };
template <int b> struct Tree<0, b> { enum { value = 1 }; };
int main() { return Tree<800, 0>::value; }
