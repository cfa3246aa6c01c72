// tries: includes itself twice, without end
// compile: time, error, memory, output
// compile_s: 0.7
#include __FILE__
#include __FILE__
int main(void) { return 0; }
