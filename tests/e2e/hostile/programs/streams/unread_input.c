// tries: leaves four mebibytes of input unread
// stdin_repeat: 4194304 x
#include "hostile.h"

int main(void)
{
    return finish();
}
