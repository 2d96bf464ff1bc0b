#include "../examples/support/progress.hpp"

#include <thread>

#include "support/catch.hpp"

namespace {

/// What was written to a stream so far.
std::string written(std::FILE* stream) {
  std::string text(static_cast<std::size_t>(std::ftell(stream)), ' ');
  std::rewind(stream);
  REQUIRE(std::fread(text.data(), 1, text.size(), stream) == text.size());
  return text;
}

}  // namespace

TEST_CASE("progress that no terminal shows says nothing in the first second, then a line, then rests") {
  std::FILE* const stream = std::tmpfile();
  REQUIRE(stream != nullptr);
  {
    Progress progress("p", stream);
    progress.step("layer 1");
    CHECK(progress(1, 4));
    CHECK(std::ftell(stream) == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1010));
    CHECK(progress(2, 4));
    CHECK(progress(3, 4));
    progress.step("layer 2");
  }
  CHECK(written(stream) == "p: layer 1: 50 % ...\n");
  std::fclose(stream);
}

TEST_CASE("a signal is noted, stops the work, and has its old meaning the next time") {
  note_interruptions();
  Progress progress("p");
  CHECK(progress(1, 4));
  std::raise(SIGTERM);
  CHECK(interrupting_signal == SIGTERM);
  CHECK(!progress(2, 4));
  CHECK_THROWS_AS(progress.step("layer 1"), attnscope::Stopped);
  struct ::sigaction now {};
  ::sigaction(SIGTERM, nullptr, &now);
  CHECK(now.sa_handler == SIG_DFL);
  interrupting_signal = 0;
}

TEST_CASE("who is started so that it ignores a signal goes on ignoring it") {
  std::signal(SIGINT, SIG_IGN);
  note_interruptions();
  std::raise(SIGINT);
  CHECK(interrupting_signal == 0);
  std::signal(SIGINT, SIG_DFL);
}
