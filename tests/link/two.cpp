#include "everything.hpp"

std::string everything_elsewhere() { return everything(); }
