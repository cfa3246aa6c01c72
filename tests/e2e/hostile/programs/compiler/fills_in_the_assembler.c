// tries: two gigabytes of data by one line of assembler
// compile: error, time, memory, output
// compile_s: 2
__asm__(".data\n.fill 0x7fffffff, 1, 7\n");
int main(void) { return 0; }
