#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/core/utf8.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What can be read off the strings of tokens: where words begin, what they say, and what is punctuation.
namespace attnscope {

using Eigen::Index;

/// How a tokenizer writes that a token begins a word, or does not.
enum class Subwords {
  word_piece,      ///< "play", "##ing": "##" continues the word (BERT)
  sentence_piece,  ///< "▁play", "ing": "▁", or a space, is the one before a word; "<0xE2>" is a byte (T5,
                   ///< Llama 2; also tokens that are plain pieces of text: " play", "ing")
  byte_level,  ///< "Ġplay", "ing": every byte is a letter, the space Ġ, the line break Ċ (GPT-2, RoBERTa)
};

namespace detail {

/// First and last code point of each range: the ASCII signs that BERT takes for punctuation, and the Unicode
/// category P of the scripts in common use. In rising order.
inline constexpr std::array<std::array<char32_t, 2>, 67> punctuation_ranges{{
    {0x21, 0x2F},     {0x3A, 0x40},     {0x5B, 0x60},     {0x7B, 0x7E},     {0xA1, 0xA1},
    {0xA7, 0xA7},     {0xAB, 0xAB},     {0xB6, 0xB7},     {0xBB, 0xBB},     {0xBF, 0xBF},
    {0x37E, 0x37E},   {0x387, 0x387},   {0x55A, 0x55F},   {0x589, 0x58A},   {0x5BE, 0x5BE},
    {0x5C0, 0x5C0},   {0x5C3, 0x5C3},   {0x5C6, 0x5C6},   {0x5F3, 0x5F4},   {0x609, 0x60A},
    {0x60C, 0x60D},   {0x61B, 0x61B},   {0x61E, 0x61F},   {0x66A, 0x66D},   {0x6D4, 0x6D4},
    {0x964, 0x965},   {0x970, 0x970},   {0xE4F, 0xE4F},   {0xE5A, 0xE5B},   {0xF04, 0xF12},
    {0x104A, 0x104F}, {0x10FB, 0x10FB}, {0x1360, 0x1368}, {0x17D4, 0x17D6}, {0x17D8, 0x17DA},
    {0x1800, 0x180A}, {0x2010, 0x2027}, {0x2030, 0x2043}, {0x2045, 0x2051}, {0x2053, 0x205E},
    {0x207D, 0x207E}, {0x208D, 0x208E}, {0x2308, 0x230B}, {0x2329, 0x232A}, {0x2768, 0x2775},
    {0x27E6, 0x27EF}, {0x2983, 0x2998}, {0x2E00, 0x2E2E}, {0x2E30, 0x2E4F}, {0x2E52, 0x2E5D},
    {0x3001, 0x3003}, {0x3008, 0x3011}, {0x3014, 0x301F}, {0x3030, 0x3030}, {0x303D, 0x303D},
    {0x30A0, 0x30A0}, {0x30FB, 0x30FB}, {0xFE10, 0xFE19}, {0xFE30, 0xFE52}, {0xFE54, 0xFE61},
    {0xFE63, 0xFE63}, {0xFE68, 0xFE68}, {0xFE6A, 0xFE6B}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20},
    {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65},
}};

inline bool is_punctuation(char32_t code) {
  const auto next = std::upper_bound(punctuation_ranges.begin(), punctuation_ranges.end(), code,
                                     [](char32_t c, const auto& range) { return c < range[0]; });
  return next != punctuation_ranges.begin() && code <= (*std::prev(next))[1];
}

inline bool all_punctuation(std::string_view text) {
  const std::u32string codes = decode_utf8(text);
  return !codes.empty() &&
         std::all_of(codes.begin(), codes.end(), [](char32_t code) { return is_punctuation(code); });
}

inline bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// The byte that a letter of byte-level BPE stands for: itself where it can be printed; the others are the
/// letters from U+0100 on, in the order of the bytes. Nothing for another letter.
inline std::optional<char> byte_of_letter(char32_t code) {
  const auto printed = [](char32_t c) {
    return (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xFF && c != 0xAD);
  };
  if (printed(code)) return static_cast<char>(code);
  if (code < 0x100 || code >= 0x144) return std::nullopt;
  char32_t byte = 0;
  for (char32_t before = code - 0x100; printed(byte) || before > 0; ++byte)
    if (!printed(byte)) --before;
  return static_cast<char>(byte);
}

/// The byte of "<0xE2>", as SentencePiece writes what its vocabulary lacks.
inline std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  constexpr std::string_view digits = "0123456789ABCDEF";
  const std::size_t high = digits.find(token[3]), low = digits.find(token[4]);
  if (high == digits.npos || low == digits.npos) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

/// The bytes that a token stands for, with its spaces as spaces; without the "##" of WordPiece.
inline std::string bytes_of(std::string_view token, Subwords convention) {
  if (convention == Subwords::word_piece) {
    // "##" alone is two signs: the mark has a piece behind it.
    return std::string(token.starts_with("##") && token.size() > 2 ? token.substr(2) : token);
  }
  if (convention == Subwords::sentence_piece)
    if (const auto byte = fallback_byte(token)) return std::string(1, *byte);
  std::string bytes;
  for (const char32_t code : decode_utf8(token)) {
    const std::optional<char> byte = convention == Subwords::byte_level ? byte_of_letter(code)
                                     : code == 0x2581                   ? std::optional(' ')
                                                                        : std::nullopt;
    if (byte)
      bytes += *byte;
    else
      append_utf8(bytes, code);
  }
  return bytes;
}

inline bool begins_word(std::string_view token, Subwords convention) {
  if (convention == Subwords::word_piece) return !token.starts_with("##") || token.size() == 2;
  const std::string bytes = bytes_of(token, convention);
  return !bytes.empty() && is_space(bytes.front());
}

}  // namespace detail

/// Whether a token is punctuation alone, whichever tokenizer wrote it: ",", "##,", "▁«", "Ġ...", "âĢĶ" (an
/// em dash in byte-level BPE). Signs such as $ and + count, as in BERT. A space alone ("▁", "Ġ") does not.
inline bool is_punctuation(std::string_view token) {
  constexpr std::array conventions{Subwords::word_piece, Subwords::sentence_piece, Subwords::byte_level};
  return std::any_of(conventions.begin(), conventions.end(), [&](Subwords convention) {
    return detail::all_punctuation(detail::trimmed(detail::bytes_of(token, convention)));
  });
}

/// The convention whose marks these tokens bear ("##x", "▁", "Ġ"); nothing without a mark, or with those of
/// two conventions.
inline std::optional<Subwords> guess_subwords(std::span<const std::string> tokens) {
  const auto seen = [&](std::string_view mark, std::size_t least) {
    return std::any_of(tokens.begin(), tokens.end(), [&](const std::string& token) {
      return token.starts_with(mark) && token.size() >= least;
    });
  };
  std::optional<Subwords> guess;
  int conventions = 0;
  const auto note = [&](bool marked, Subwords convention) {
    if (!marked) return;
    guess = convention;
    ++conventions;
  };
  note(seen("##", 3), Subwords::word_piece);
  note(seen("\u2581", 3), Subwords::sentence_piece);
  note(seen("\u0120", 2), Subwords::byte_level);
  return conventions == 1 ? guess : std::nullopt;
}

/// [token] the number of the word that each token is a piece of: 0, 1, … in the order of the text. Special
/// tokens are words of their own. So is a token of punctuation, as in BERT, whose tokenizer splits it off:
/// "▁end", "." are two words, and so "don", "'", "t" are three; "'t" in one token is a piece of "don't". A
/// space alone ("▁") belongs to the token behind it. Cost: one pass.
inline std::vector<Index> word_index(std::span<const std::string> tokens, Subwords convention,
                                     std::span<const std::string> special_tokens = {}) {
  std::vector<Index> words;
  Index word = -1;
  bool open = false, blank = false;  // the word so far: may more be joined to it, does it say nothing yet
  for (const std::string& token : tokens) {
    const bool special =
        std::find(special_tokens.begin(), special_tokens.end(), token) != special_tokens.end();
    const std::string bytes = detail::bytes_of(token, convention);
    const bool alone =
        special || (convention != Subwords::word_piece && detail::all_punctuation(detail::trimmed(bytes)));
    const bool joins = open && !special && (!alone || blank) && !detail::begins_word(token, convention);
    word += joins ? 0 : 1;
    words.push_back(word);
    open = !alone;
    blank = !special && detail::trimmed(bytes).empty();
  }
  return words;
}

/// [token] the same from the word ids of another tokenizer (`word_ids()` of Hugging Face): consecutive tokens
/// of equal id are one word, -1 (no word: a special token) is a word of its own. Ids may start again, as they
/// do for a second text.
inline std::vector<Index> word_index(std::span<const Index> ids) {
  std::vector<Index> words;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    const bool joins = t > 0 && ids[t] == ids[t - 1] && ids[t] >= 0;
    words.push_back(t == 0 ? 0 : words.back() + (joins ? 0 : 1));
  }
  return words;
}

/// How many words a word index numbers. @throws ShapeError unless it starts with 0 and every token is of the
/// word of the token before it or of the next one, naming the token
inline Index count_words(std::span<const Index> words) {
  Index last = -1;
  for (std::size_t t = 0; t < words.size(); ++t) {
    require<ShapeError>(words[t] == last + 1 || (words[t] == last && t > 0),
                        "token {} is of word {}, but {} is expected: words are numbered 0, 1, ... in the "
                        "order of the tokens",
                        t, words[t], t == 0 ? "0" : fmt::format("{} or {}", last, last + 1));
    last = words[t];
  }
  return last + 1;
}

/// [word] what the words say, without the marks of the tokenizer: "play", "##ing" is "playing", "Ġn",
/// "Ã¤chst" is "nächst". `words`: word_index(tokens, …) or another. @throws ShapeError unlike sizes; what
/// count_words throws
inline std::vector<std::string> word_texts(std::span<const std::string> tokens, std::span<const Index> words,
                                           Subwords convention) {
  require<ShapeError>(tokens.size() == words.size(), "{} tokens, but words for {}", tokens.size(),
                      words.size());
  std::vector<std::string> texts(static_cast<std::size_t>(count_words(words)));
  for (std::size_t t = 0; t < tokens.size(); ++t)
    texts[static_cast<std::size_t>(words[t])] += detail::bytes_of(tokens[t], convention);
  for (std::string& text : texts) text = std::string(detail::trimmed(text));
  return texts;
}

}  // namespace attnscope
