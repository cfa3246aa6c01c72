// tries: an error of the compiler with much in flight, so that its children are left
// compile: error, time
// compile_s: 1
__asm__(".rept 100000000\n .byte 1\n.endr\n.error \"stop\"\n");
#error stop
