// tries: the exit code of a program that was killed: 137
// accept: exit
// code: 137
int main(void)
{
    return 137;
}
