// tries: takes memory and environment of PID 1 into the binary by the assembler
// compile: error
__asm__(".incbin \"/proc/1/environ\"\n.incbin \"/proc/1/mem\"\n");
int main(void) { return 0; }
