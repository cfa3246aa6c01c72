#include <vector>
int main() { return std::vector<int>{1}.at(2); }
