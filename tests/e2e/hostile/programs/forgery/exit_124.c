// tries: exit codes that tools use for a time limit: 124
// accept: exit
// code: 124
int main(void)
{
    return 124;
}
