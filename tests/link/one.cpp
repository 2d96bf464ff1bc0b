#include "everything.hpp"

int main() { return everything() == everything_elsewhere() ? 0 : 1; }
