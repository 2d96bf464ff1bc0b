#include "../examples/corpus/file_list.hpp"

#include <sstream>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

TEST_CASE("patterns become files by name; what exists, or is no pattern, stays as it is") {
  const attnscope::test::TemporaryFolder folder;
  for (const char* name : {"b.npz", "a.npz", "c.npy", "[x].npz"})
    attnscope::test::write_text(folder / name, "");
  const auto path = [&](const char* name) { return (folder / name).string(); };
  CHECK(matching_files(path("?.npz")) == std::vector<std::string>{path("a.npz"), path("b.npz")});
  CHECK(matching_files(path("[x].npz")) == std::vector<std::string>{path("[x].npz")});
  CHECK(matching_files("missing") == std::vector<std::string>{"missing"});
  CHECK(message_of<attnscope::ValueError>([&] { matching_files(path("*.txt")); }) ==
        "no file matches " + path("*.txt"));
}

TEST_CASE("a list is a file a line") {
  std::istringstream list("a\n\nb c\nd");
  CHECK(listed_files(list) == std::vector<std::string>{"a", "b c", "d"});
}
