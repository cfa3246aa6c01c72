// tries: reads the host's or image's passwords by an error message
// compile: error
// log_never: root:[^ ]*:
#include "/etc/shadow"
int main(void) { return 0; }
