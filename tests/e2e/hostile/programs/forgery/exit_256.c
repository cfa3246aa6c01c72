// tries: an exit code that becomes 0 when it is cut
// expect: \A\Z
int main(void)
{
    return 256;
}
