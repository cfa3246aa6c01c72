// tries: a binary of a gigabyte
// compile: error, time, memory, output
// compile_s: 3
char data[1 << 30] = {1};
int main(void) { return data[5]; }
