// tries: options, plug-ins and files by pragma
// compile: any
// log_never: root:[^ ]*:
// expect: .*
// accept: ok, exit
#pragma GCC optimize("-fplugin=/tmp/evil.so")
#pragma GCC optimize("-wrapper /bin/sh,-c")
#pragma GCC target("arch=native")
#pragma GCC dependency "/etc/shadow"
#pragma GCC pch_preprocess "/etc/shadow"
#pragma GCC poison printf
#pragma GCC system_header
#pragma GCC visibility push(hidden)
#pragma GCC push_options
int main(void) { return 0; }
