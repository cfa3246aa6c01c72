// tries: takes a file of the system into the binary by the assembler
// compile: error
__asm__(".section .rodata\n.global data\ndata:\n.incbin \"/etc/shadow\"\n.byte 0\n.text");
int main(void) { return 0; }
