// tries: includes terminals and pipes
// compile: error
#include "/dev/tty"
#include "/dev/console"
#include "/dev/ptmx"
int main(void) { return 0; }
