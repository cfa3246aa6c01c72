// tries: takes a file of the host into the binary by the assembler
// compile: error
__asm__(".incbin \"@SECRET_PATH@\"\n");
int main(void) { return 0; }
