#include <attnscope/core/errors.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("require throws the kind that is asked for, with its text") {
  CHECK_NOTHROW(require<ShapeError>(true, "never {}", 1));
  CHECK(message_of<ShapeError>([] { require<ShapeError>(false, "{} of {}", 3, 2); }) == "3 of 2");
  CHECK(message_of<ShapeError>([] { require<ShapeError>(false, "{{{}}} and }}", 1); }) == "{1} and }");
  CHECK_THROWS_AS(require<ValueError>(false, "text"), ValueError);
}

TEST_CASE("every kind is an Error") {
  CHECK_THROWS_AS(require<FileError>(false, "text"), Error);
  CHECK(message_of<Error>([] { throw Stopped(); }) == "stopped by the progress callback");
}

TEST_CASE("a context goes in front and the kind stays") {
  const auto within = [](const auto& error) {
    in_context("file", [&] { in_context("self.0", [&] { throw error; }); });
  };
  CHECK(message_of<ShapeError>([&] { within(ShapeError("a")); }) == "file: self.0: a");
  CHECK(message_of<ValueError>([&] { within(ValueError("b")); }) == "file: self.0: b");
  CHECK(message_of<FileError>([&] { within(FileError("c")); }) == "file: self.0: c");
  CHECK_THROWS_AS(within(Stopped()), Stopped);
  CHECK(message_of<std::runtime_error>([&] { within(std::runtime_error("d")); }) == "d");
}

TEST_CASE("a context passes on what the action returns") {
  int value = 3;
  CHECK(&in_context("x", [&]() -> int& { return value; }) == &value);
}
