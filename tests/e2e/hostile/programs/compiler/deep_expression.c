// tries: a hundred thousand nested brackets, for the parser's stack
// compile: any
// accept: exit
// code: 1
// compile_s: 2
int main(void) { return @REPEAT 100000 (@1@REPEAT 100000 )@; }
