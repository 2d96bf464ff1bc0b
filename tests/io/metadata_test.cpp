#include <attnscope/io/metadata.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
Metadata with(const std::string& value) { return {{"k", value}}; }
template <typename Read>
std::string message(const std::string& value, const Read& read) {
  return message_of<FileError>([&] { read(with(value), "k"); });
}
}  // namespace

TEST_CASE("what is not there has its neutral value") {
  CHECK(metadata::text({}, "k") == nullptr);
  CHECK(metadata::json({}, "k").is_null());
  CHECK(metadata::strings({}, "k").empty());
  CHECK(metadata::indices({}, "k").empty());
  CHECK(metadata::number({}, "k", 2.5) == 2.5);
  CHECK(metadata::integer({}, "k") == 0);
  CHECK_FALSE(metadata::flag({}, "k"));
}

TEST_CASE("what is there is read") {
  CHECK(metadata::strings(with(R"(["a", "\u2581b"])"), "k") == std::vector<std::string>{"a", "\u2581b"});
  CHECK(metadata::indices(with("[3, 0]"), "k") == std::vector<Eigen::Index>{3, 0});
  CHECK(metadata::number(with("1e-3"), "k", 0) == 1e-3);
  CHECK(metadata::integer(with("-4"), "k") == -4);
  CHECK(metadata::flag(with("true"), "k"));
  CHECK_FALSE(metadata::flag(with("false"), "k"));
  const auto lists = [](const char* text) {
    return metadata::token_lists("k", metadata::json(with(text), "k"));
  };
  CHECK(lists(R"(["a", "b"])") == metadata::TokenLists{{"a", "b"}});
  CHECK(lists(R"([["a"], []])") == metadata::TokenLists{{"a"}, {}});
}

TEST_CASE("numbers come as one list a batch element, or as one") {
  using Lists = std::vector<std::vector<double>>;
  CHECK(metadata::lists<double>(with("[0.5, 2]"), "k") == Lists{{.5, 2}});
  CHECK(metadata::lists<double>(with("[[1], []]"), "k") == Lists{{1}, {}});
  CHECK(metadata::lists<Eigen::Index>(with("[-1, 3]"), "k") ==
        std::vector<std::vector<Eigen::Index>>{{-1, 3}});
  CHECK(metadata::lists<double>({}, "k").empty());
  CHECK(metadata::indices(with("7"), "k") == std::vector<Eigen::Index>{7});
}

TEST_CASE("pairs come as one list a batch element") {
  using Pairs = std::vector<std::vector<std::array<Eigen::Index, 2>>>;
  CHECK(metadata::pairs(with("[[[0, 1], [2, 3]], []]"), "k") == Pairs{{{0, 1}, {2, 3}}, {}});
  CHECK(metadata::pairs({}, "k").empty());
  for (const char* text : {"7", "[7]"})
    CHECK_THAT(message(text, metadata::pairs),
               ContainsSubstring("metadata k: should be a list of pairs for each batch element, but is: 7"));
  for (const char* text : {"[[7]]", "[[[1]]]", "[[[1, 2, 3]]]", "[[[1, -2]]]", "[[[1, 2.5]]]", "[[[1, \"a\"]]]"})
    CHECK_THAT(message(text, metadata::pairs),
               ContainsSubstring("metadata k: should hold pairs of integers from 0 on, but is: "));
}

TEST_CASE("what is wrong is named with its key and text") {
  CHECK(message("[1,", metadata::json) == "metadata k: should be JSON, but is: [1,");
  CHECK(message("null", metadata::json) == "metadata k: should be JSON, but is: null");
  CHECK(message("[1]", metadata::strings) == "metadata k: should hold strings, but is: 1");
  CHECK(message("{}", metadata::strings) == "metadata k: should be a list of strings, but is: {}");
  CHECK(message("{}", metadata::indices) == "metadata k: should be a list of integers, but is: {}");
  CHECK(message("-7", metadata::indices) == "metadata k: should hold integers from 0 on, but is: -7");
  CHECK(message("7", metadata::lists<Eigen::Index>) ==
        "metadata k: should be a list of numbers, or of such lists, but is: 7");
  CHECK(message("[[1],2]", metadata::lists<double>) ==
        "metadata k: should be a list of numbers, or of such lists, but is: 2");
  CHECK(message("[1.5]", metadata::lists<Eigen::Index>) == "metadata k: should hold integers, but is: 1.5");
  CHECK(message("[\"a\"]", metadata::lists<double>) == "metadata k: should hold numbers, but is: \"a\"");
  CHECK(message("[-1]", metadata::indices) == "metadata k: should hold integers from 0 on, but is: -1");
  CHECK(message("[1.5]", metadata::indices) == "metadata k: should hold integers from 0 on, but is: 1.5");
  CHECK(message("[99999999999]", metadata::indices) ==
        "metadata k: should hold integers from 0 on, but is: 99999999999");
  CHECK(message("1.5", metadata::integer) == "metadata k: should be an integer, but is: 1.5");
  CHECK(message("yes", metadata::flag) == "metadata k: should be true or false, but is: yes");
  for (const char* text : {"", "one", "1 ", "nan", "inf", "1,5"})
    CHECK(message_of<FileError>([&] { metadata::number(with(text), "k", 0); }) ==
          fmt::format("metadata k: should be a number, but is: {}", text));
  for (const char* text : {"7", "[7]", R"([["a"], "b"])"})
    CHECK_THAT(message_of<FileError>([&] { metadata::token_lists("k", metadata::json(with(text), "k")); }),
               ContainsSubstring("metadata k: should "));
}

TEST_CASE("brackets inside strings do not nest") {
  const std::string brackets(20, '[');
  CHECK(metadata::strings(with("[\"" + brackets + "\\\"" + brackets + "\"]"), "k") ==
        std::vector<std::string>{brackets + "\"" + brackets});
}

TEST_CASE("a bomb of brackets is refused, and its text is not repeated whole") {
  const std::string bomb(100000, '[');
  for (const std::string& text : {bomb, bomb + std::string(100000, ']')})
    CHECK(message(text, metadata::strings) ==
          "metadata k: should not be nested so deeply, but is: " + std::string(60, '['));
}
