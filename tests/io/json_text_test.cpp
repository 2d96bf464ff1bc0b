#include <attnscope/io/json_text.hpp>

#include "support/catch.hpp"

using attnscope::detail::json_text;

TEST_CASE("JSON is printed without spaces, and only UTF-8") {
  CHECK(json_text({"a\"\n", 1, true, 0.1}) == R"(["a\"\n",1,true,0.1])");
  CHECK(message_of<attnscope::FileError>([] { json_text("a\xff"); }) == "\"a\uFFFD\" is not UTF-8");
}
