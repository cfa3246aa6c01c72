// tries: reads a file of the host by an error message
// compile: error
// log_never: outside secret
#include "@SECRET_PATH@"
int main(void) { return 0; }
