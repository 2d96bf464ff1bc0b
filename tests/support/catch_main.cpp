// Catch2 2.13's main takes seconds to compile: here, once.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
