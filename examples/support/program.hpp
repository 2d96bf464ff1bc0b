#pragma once
// What the example programs share: how they end, and finding a stack.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>

#include "stack_of.hpp"

/// Parses the command line and runs the program. 0: done, or help; 1: bad input, with the reason on stderr;
/// 2: bad usage.
template <typename Run>
int run_program(CLI::App& app, int argc, char** argv, const Run& run) {
  app.footer(app.get_footer() + "Exit code: 0 done, 1 bad input, 2 bad usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    run();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), error.what());
    return 1;
  }
}
