#include <attnscope/io/token_file.hpp>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;

TEST_CASE("tokens stand a line each, batch elements apart by empty lines") {
  const test::TemporaryFolder folder;
  const auto read = [&](const char* name, const char* text) {
    test::write_text(folder / name, text);
    return read_tokens(folder / name);
  };
  CHECK(read("a.txt", "[CLS]\nthe\ncat") == R"([["[CLS]","the","cat"]])");
  CHECK(read("a.txt", "a \r\n\"b\"\r\n\r\nc\r\n") == R"([["a ","\"b\""],["c"]])");
  CHECK(read("a.txt", "\n\na\n\n\n\nb\n\n\n") == R"([["a"],["b"]])");
  CHECK(read("a.txt", "\n") == "[[]]");
  CHECK(read("a.json", "[\"a\"]\n") == "[\"a\"]\n");
  CHECK_THAT(message_of<FileError>([&] { read("b.txt", "a\xff\n"); }),
             ContainsSubstring((folder / "b.txt").string() + ": ") && ContainsSubstring("is not UTF-8"));
  CHECK_THAT(message_of<FileError>([&] { read("empty", ""); }), ContainsSubstring("the file is empty"));
}
