#include "flags.hpp"

std::vector<double> NUMBERS();
std::vector<double> NUMBERS() { return numbers(); }
