#pragma once
// What the example programs share: how they end, and finding a stack.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "stack_of.hpp"

/// Ends the program with this message, or none, and exit code.
struct Ended : std::runtime_error {
  Ended(int exit_code, const std::string& message) : std::runtime_error(message), code(exit_code) {}
  int code;
};

/// The text with lines of at most `width` bytes, broken at spaces.
inline std::string wrapped(std::string text, std::size_t width) {
  std::size_t start = 0;
  while (text.size() - start > width) {
    const std::size_t space = text.rfind(' ', start + width);
    if (space == text.npos || space <= start) break;
    text[space] = '\n';
    start = space + 1;
  }
  return text;
}

/// Help whose lines fit a terminal of 100 columns.
class WrappedHelp : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option->get_description(), 100 - get_column_width());
  }
};

/// Parses the command line and runs the program. 0: done, or help; 1: bad input, with the reason on stderr;
/// 2: bad usage; that of Ended. help_end: what follows at the end of the help.
template <typename Run>
int run_program(CLI::App& app, int argc, char** argv, const Run& run, const std::string& help_end = ".") {
  app.formatter(std::make_shared<WrappedHelp>());
  app.description(wrapped(app.get_description(), 100));
  app.footer(app.get_footer() + "Exit code: 0 done, 1 bad input, 2 bad usage" + help_end);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    run();
    return 0;
  } catch (const Ended& ended) {
    if (*ended.what() != '\0') fmt::print(stderr, "{}: {}\n", app.get_name(), ended.what());
    return ended.code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), error.what());
    return 1;
  }
}
