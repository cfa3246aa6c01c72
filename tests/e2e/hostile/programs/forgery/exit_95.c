// tries: exit codes that sandboxes use for failures of their own: 95
// accept: exit
// code: 95
int main(void)
{
    return 95;
}
