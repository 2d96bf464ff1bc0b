#pragma once
// What the example programs share: how they end, and finding a stack.
#include <attnscope/io/dump.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

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

/// @throws ValueError the dump has no such stack
inline const attnscope::DumpStack& stack_of(const attnscope::Dump& dump, const std::string& name) {
  const auto found = std::ranges::find(dump.stacks, name, &attnscope::DumpStack::name);
  attnscope::require<attnscope::ValueError>(found != dump.stacks.end(), "{}: there is no stack {}", dump.name,
                                            name);
  return *found;
}
