#include <attnscope/alignment/pharaoh.hpp>

#include "alignment/links.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::text_of;

TEST_CASE("a corpus of sure and possible links, source first") {
  const auto sentences = parse_pharaoh("0-0 1-2 3p1\n\n2?0  0-1\t0-1 \r\n7-12");
  REQUIRE(sentences.size() == 4);
  CHECK(text_of(sentences[0].sure) == "0-0 2-1");  // target-source
  CHECK(text_of(sentences[0].possible) == "1-3");
  CHECK(sentences[1].sure.empty());
  CHECK(text_of(sentences[2].sure) == "1-0");
  CHECK(text_of(sentences[2].possible) == "0-2");
  CHECK(text_of(sentences[3].sure) == "12-7");
  CHECK(parse_pharaoh("").empty());
  CHECK(parse_pharaoh("\n").size() == 1);
  CHECK(parse_pharaoh("0-0\n").size() == 1);
}

TEST_CASE("what is written is read back, from 0 or 1, with either mark") {
  std::vector<GoldLinks> sentences(3);
  sentences[0].sure = {{0, 0}, {1, 2}, {2, 1}};
  sentences[0].possible = {{0, 2}, {1, 2}};
  sentences[2].possible = {{9, 0}};
  CHECK(pharaoh_text(sentences) == "0-0 1-2 2p0 2-1\n\n0p9\n");
  CHECK(pharaoh_text(sentences, {.first = 1, .possible = '?'}) == "1-1 2-3 3?1 3-2\n\n1?10\n");
  for (const PharaohOptions& options : {PharaohOptions{}, PharaohOptions{.first = 1, .possible = '?'}}) {
    const auto read = parse_pharaoh(pharaoh_text(sentences, options), options);
    REQUIRE(read.size() == 3);
    CHECK(text_of(read[0].sure) == text_of(sentences[0].sure));
    CHECK(text_of(read[0].possible) == "0-2");  // 1-2 is sure
    CHECK(text_of(read[2].possible) == "9-0");
  }
  const std::vector<Link> found{{1, 0, .3}, {0, 1, .9}};
  CHECK(pharaoh_line(found) == "0-1 1-0");
}

TEST_CASE("what is no link names line, entry and text") {
  const auto message = [](const char* text, const PharaohOptions& options = {}) {
    return message_of<ValueError>([&] { parse_pharaoh(text, options); });
  };
  const std::string expected =
      "a link is SOURCE-TARGET, such as 0-1, or 0p1 or 0?1 where it is possible only";
  CHECK(message("0-0\n0-1  1--2") == "line 2, entry 2, \"1--2\": " + expected);
  for (const char* wrong : {"1", "-", "1-", "-1-2", "1-2x", "1:2", "1-2-3", "a-b", "+1-2", "1-+2", "1p",
                            "1 -2", "0x1-2", "1.0-2", "\xff-1"})
    CHECK_THAT(message(wrong), ContainsSubstring("line 1, entry ") && ContainsSubstring(expected));
  CHECK(message("0-1000001") == "line 1, entry 1, \"0-1000001\": the number of a word is above 1000000");
  CHECK(message("99999999999999999999999-0") ==
        "line 1, entry 1, \"99999999999999999999999-0\": the number of a word is above 1000000");
  CHECK(parse_pharaoh("0-1000000").size() == 1);
  CHECK(message("0-5", {.most_words = 4}) == "line 1, entry 1, \"0-5\": the number of a word is above 4");
  CHECK(message("1-1 1-0", {.first = 1}) == "line 1, entry 2, \"1-0\": words are numbered from 1");
  const std::string endless(100, '7');
  CHECK(message(endless.c_str()) ==
        "line 1, entry 1, \"" + endless.substr(0, 40) + "\": the number of a word is above 1000000");
}

TEST_CASE("a message is printable, whatever the text is") {
  const auto message = [](const std::string& text) {
    return message_of<ValueError>([&] { parse_pharaoh(text); });
  };
  CHECK_THAT(message("a\x1b[31m\x7f\xff"), ContainsSubstring("\"a\uFFFD[31m\uFFFD\uFFFD\": "));
  CHECK_THAT(message("\xc2\x85"), ContainsSubstring("\"\uFFFD\": "));
  std::string letters;
  for (int i = 0; i < 60; ++i) letters += "\u00e4";
  CHECK_THAT(message(letters), ContainsSubstring("\"" + letters.substr(0, 80) + "\": "));
  CHECK_THAT(message("x" + letters), ContainsSubstring("\"x" + letters.substr(0, 78) + "\": "));
}

TEST_CASE("what is written can be read") {
  const PharaohOptions options{.first = 1, .most_words = 4};
  const std::vector<GoldLinks> last{{.sure = {{3, 0}}}};
  CHECK(text_of(parse_pharaoh(pharaoh_text(last, options), options)[0].sure) == "3-0");
  CHECK(message_of<ValueError>([&] {
          pharaoh_text({{}, {.possible = {{4, 0}}}}, options);
        }) == "line 2: the number of a word is above 4: target 4, source 0, counted from 0");
  constexpr Index huge = std::numeric_limits<Index>::max();
  CHECK_THAT(message_of<ValueError>([&] {
               pharaoh_line(std::vector<Link>{{0, huge}}, options);
             }),
             ContainsSubstring("the number of a word is above 4"));
  CHECK(message_of<ValueError>([] { parse_pharaoh("", {.most_words = -1}); }) ==
        "most_words = -1 is negative");
  CHECK(message_of<ValueError>([] { pharaoh_line(GoldLinks{}, {.most_words = -1}); }) ==
        "most_words = -1 is negative");
}

TEST_CASE("what cannot be written as links") {
  CHECK(message_of<ValueError>([] {
          pharaoh_text({{}, {.sure = {{0, -1}}}});
        }) == "line 2: the link of target 0 and source -1 is negative");
  CHECK(message_of<ValueError>([] { parse_pharaoh("", {.first = 2}); }) ==
        "words are numbered from 0 or 1, not from 2");
  CHECK(message_of<ValueError>([] { pharaoh_line(GoldLinks{}, {.possible = 'x'}); }) ==
        "a possible link is marked by p or ?, not by x");
}
