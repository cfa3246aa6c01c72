// tries: asks the preprocessor which files of the host exist
#include <stdio.h>
#if __has_include("@SECRET_PATH@") || __has_include("/var/lib/docker/network/files/local-kv.db")
#define FOUND 1
#else
#define FOUND 0
#endif
int main(void) { puts(FOUND ? "ESCAPED a file of the host exists" : "CONTAINED"); return 0; }
