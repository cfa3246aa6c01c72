// tries: reads the compiler's environment by an error message
// compile: error
// log_never: SOLVENT_|SECRET|TOKEN
#include "/proc/self/environ"
#include "/proc/1/environ"
int main(void) { return 0; }
