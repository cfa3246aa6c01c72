// tries: a thousand million instructions by one line of assembler
// compile: error, time, memory, output
// compile_s: 1
__asm__(".rept 1000000000\n nop\n.endr\n");
int main(void) { return 0; }
