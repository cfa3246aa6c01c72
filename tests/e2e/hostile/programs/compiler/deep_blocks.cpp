// tries: nested lambdas, for the parser's stack and the compiler's patience
// compile: any
// compile_s: 1
// expect: .*
// accept: ok, exit, signal
int main() { return @REPEAT 300 [&]{ return @0@REPEAT 300 ; }()@; }
