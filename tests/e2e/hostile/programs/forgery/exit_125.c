// tries: exit codes that engines use for failures of their own: 125
// accept: exit
// code: 125
int main(void)
{
    return 125;
}
