// tries: takes a device that never ends into the binary
// compile: error, time, memory, output
// compile_s: 1
__asm__(".incbin \"/dev/zero\"\n");
int main(void) { return 0; }
