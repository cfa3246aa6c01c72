// tries: warnings without end from a header that includes itself
// compile: error, time, output, memory
// compile_s: 1
#warning "flood flood flood flood flood flood flood flood flood flood flood flood flood flood flood flood"
#include __FILE__
#include __FILE__
