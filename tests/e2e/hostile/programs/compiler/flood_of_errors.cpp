// tries: a compiler's log without end
// compile: error, time, output, memory
// compile_s: 2
#define E0 undeclared<int>::name + ;
#define E1 E0 E0 E0 E0 E0 E0 E0 E0 E0 E0
#define E2 E1 E1 E1 E1 E1 E1 E1 E1 E1 E1
#define E3 E2 E2 E2 E2 E2 E2 E2 E2 E2 E2
int main() { E3 E3 E3 }
