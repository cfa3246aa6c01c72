// tries: exit codes that shells use for a program that is not there: 127
// accept: exit
// code: 127
int main(void)
{
    return 127;
}
