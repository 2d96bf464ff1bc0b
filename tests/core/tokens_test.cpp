#include <attnscope/core/tokens.hpp>

#include "support/catch.hpp"

#include <set>

using namespace attnscope;
using Tokens = std::vector<std::string>;
using Words = std::vector<Index>;

TEST_CASE("punctuation is found under the marks of every tokenizer") {
  for (const char* token :
       {",", ".", "...", "##,", "##)", "▁.", "▁«", "Ġ,", "Ġ\"", "$",    "+",  "_",      "~",  "#",  "##",
        "…", "—", "，",  "。",  "„",   "¿",  "।",  "Ġ—", "âĢĶ", "ĠâĢľ", "Â«", "<0x2C>", " ;", "?\n"})
    CHECK(is_punctuation(token));
  for (const char* token : {"",  " ", "▁", "Ġ", "Ċ", "▁a",  "##s", "'t",  "a.",     "[SEP]", "<eos>",
                            "1", "é", "²", "½", "±", "the", "中",  "ĠÃ©", "<0x41>", "\xff",  "▁▁"})
    CHECK_FALSE(is_punctuation(token));
}

TEST_CASE("the table of punctuation rises, so that it can be searched") {
  char32_t last = 0;
  for (const auto& [first, end] : detail::punctuation_ranges) {
    CHECK(last < first);
    CHECK(first <= end);
    last = end;
  }
  for (char32_t c = 0; c < 0x80; ++c)  // BERT: every ASCII sign that is no letter, digit, space or control
    CHECK(detail::is_punctuation(c) == (c > 0x20 && c < 0x7F && !std::isalnum(static_cast<int>(c))));
}

TEST_CASE("every byte has a letter of its own in byte-level BPE") {
  std::set<unsigned char> bytes;
  int letters = 0;
  for (char32_t code = 0; code < 0x200; ++code)
    if (const auto byte = detail::byte_of_letter(code)) {
      bytes.insert(static_cast<unsigned char>(*byte));
      ++letters;
    }
  CHECK(letters == 256);
  CHECK(bytes.size() == 256);
  CHECK(detail::byte_of_letter(0x120) == ' ');
  CHECK(detail::byte_of_letter(0x10A) == '\n');
  CHECK(detail::byte_of_letter(0x121) == '\x7f');
  CHECK(detail::byte_of_letter(0x142) == '\xa0');
  CHECK(detail::byte_of_letter(0x143) == '\xad');
  CHECK_FALSE(detail::byte_of_letter(0xAD));
  CHECK_FALSE(detail::byte_of_letter(0x144));
}

TEST_CASE("the convention is guessed from marks alone") {
  CHECK(guess_subwords(Tokens{"[CLS]", "play", "##ing"}) == Subwords::word_piece);
  CHECK(guess_subwords(Tokens{"▁play", "ing"}) == Subwords::sentence_piece);
  CHECK(guess_subwords(Tokens{"play", "ing", "Ġa"}) == Subwords::byte_level);
  CHECK_FALSE(guess_subwords(Tokens{}));
  CHECK_FALSE(guess_subwords(Tokens{"the", "cat", "##"}));
  CHECK_FALSE(guess_subwords(Tokens{"▁play", "##ing"}));
}

TEST_CASE("WordPiece: ## continues") {
  const Tokens tokens{"[CLS]", "play", "##ing", "##s", ",", "don", "'", "t", "[SEP]", "##x", "[SEP]"};
  const Tokens special{"[CLS]", "[SEP]"};
  const Words words = word_index(tokens, Subwords::word_piece, special);
  CHECK(words == Words{0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8});  // nothing continues a special token
  CHECK(word_texts(tokens, words, Subwords::word_piece) ==
        Tokens{"[CLS]", "playings", ",", "don", "'", "t", "[SEP]", "x", "[SEP]"});
}

TEST_CASE("SentencePiece: a space begins a word, punctuation is one, a space alone belongs to what follows") {
  const Tokens tokens{"▁univers", "al", "ly", ",", "▁the", "▁ma", "t", "▁", ".", "▁", "x", "</s>", "y"};
  const Words words = word_index(tokens, Subwords::sentence_piece, Tokens{"</s>"});
  CHECK(words == Words{0, 0, 0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7});
  CHECK(word_texts(tokens, words, Subwords::sentence_piece) ==
        Tokens{"universally", ",", "the", "mat", ".", "x", "</s>", "y"});
  const Tokens bytes{"▁a", "<0xC3>", "<0xA9>", "<0x0A>", "b", "<0xGG>"};
  const Words byte_words = word_index(bytes, Subwords::sentence_piece);
  CHECK(byte_words == Words{0, 0, 0, 1, 1, 1});
  CHECK(word_texts(bytes, byte_words, Subwords::sentence_piece) == Tokens{"aé", "b<0xGG>"});
}

TEST_CASE("byte-level BPE: Ġ and Ċ begin words, letters are bytes") {
  const Tokens tokens{"Hello", ",",  "Ġworld", "'s", "Ċ", "Ċ",   "The",
                      "Ġn",    "Ã¤", "chst",   "Ã",  "©", ".\"", "<|end|>"};
  const Words words = word_index(tokens, Subwords::byte_level, Tokens{"<|end|>"});
  CHECK(words == Words{0, 1, 2, 2, 3, 4, 4, 5, 5, 5, 5, 5, 6, 7});
  CHECK(word_texts(tokens, words, Subwords::byte_level) ==
        Tokens{"Hello", ",", "world's", "", "The", "nächsté", ".\"", "<|end|>"});
}

TEST_CASE("where words end") {
  CHECK(word_index(Tokens{"▁don", "'", "t"}, Subwords::sentence_piece) == Words{0, 1, 2});
  CHECK(word_index(Tokens{"▁don", "'t"}, Subwords::sentence_piece) == Words{0, 0});
  CHECK(word_index(Tokens{"▁", "</s>", "x"}, Subwords::sentence_piece, Tokens{"</s>"}) == Words{0, 1, 2});
  CHECK(word_index(Tokens{"a", "##,", "##"}, Subwords::word_piece) == Words{0, 0, 1});
  CHECK(word_texts(Tokens{"a", "##,", "##"}, Words{0, 0, 1}, Subwords::word_piece) == Tokens{"a,", "##"});
}

TEST_CASE("word ids of another tokenizer") {
  CHECK(word_index(Words{-1, 0, 1, 1, 2, -1, -1, 0, 0, 1, -1}) == Words{0, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8});
  CHECK(word_index(Words{}).empty());
  CHECK(word_index(Tokens{}, Subwords::word_piece).empty());
}

TEST_CASE("a word index counts without gaps") {
  CHECK(count_words(Words{}) == 0);
  CHECK(count_words(Words{0, 0, 1, 2, 2}) == 3);
  CHECK(message_of<ShapeError>([] {
          count_words(Words{1, 1});
        }) ==
        "token 0 is of word 1, but 0 is expected: words are numbered 0, 1, ... in the order of the tokens");
  CHECK(message_of<ShapeError>([] { count_words(Words{-1}); }).starts_with("token 0 is of word -1, but 0"));
  CHECK(message_of<ShapeError>([] {
          count_words(Words{0, 1, 3});
        }).starts_with("token 2 is of word 3, but 1 or 2"));
  CHECK(message_of<ShapeError>([] {
          count_words(Words{0, 1, 0});
        }).starts_with("token 2 is of word 0, but 1 or 2"));
  CHECK(message_of<ShapeError>([] { word_texts(Tokens{"a"}, Words{}, Subwords::word_piece); }) ==
        "1 tokens, but words for 0");
}
