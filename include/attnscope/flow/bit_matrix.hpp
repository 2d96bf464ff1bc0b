#pragma once
#include <Eigen/Core>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace attnscope::detail {

using Eigen::Index;
using Word = std::uint64_t;

/// act(first + b) for every set bit b of the word, lowest first.
template <typename Act>
void for_each_bit(Word word, Index first, const Act& act) {
  for (; word != 0; word &= word - 1) act(first + std::countr_zero(word));
}

/// How many bits are set. std::popcount is a call of a function where the target does not promise the
/// instruction, as plain x86-64 does not.
inline Index count_bits(Word word) {
  word -= (word >> 1) & 0x5555555555555555u;
  word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
  word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  return static_cast<Index>((word * 0x0101010101010101u) >> 56);
}
inline Index count_bits(const Word* words, Index size) {
  Index sum = 0;
  for (Index w = 0; w < size; ++w) sum += count_bits(words[w]);
  return sum;
}

/// Rows of bits, 64 to a word: sets of tokens, and relations between two of them. Bits behind the last column
/// are always 0.
class BitMatrix {
 public:
  static constexpr Index word_bits = 64;

  BitMatrix() = default;
  BitMatrix(Index rows, Index columns)
      : rows_(rows),
        words_((columns + word_bits - 1) / word_bits),
        bits_(static_cast<std::size_t>(rows_ * words_)) {}

  Index rows() const { return rows_; }
  Index words() const { return words_; }  ///< of a row
  Word* row(Index r) { return bits_.data() + r * words_; }
  const Word* row(Index r) const { return bits_.data() + r * words_; }

  void set(Index r, Index c) { row(r)[c / word_bits] |= bit(c); }
  void clear(Index r, Index c) { row(r)[c / word_bits] &= ~bit(c); }
  bool test(Index r, Index c) const { return (row(r)[c / word_bits] & bit(c)) != 0; }
  void clear() { std::fill(bits_.begin(), bits_.end(), Word{0}); }

  /// The set columns of a row, lowest first.
  template <typename Act>
  void for_each(Index r, const Act& act) const {
    for (Index w = 0; w < words_; ++w) for_each_bit(row(r)[w], w * word_bits, act);
  }
  bool operator==(const BitMatrix&) const = default;

 private:
  static Word bit(Index c) { return Word{1} << (c % word_bits); }

  Index rows_ = 0, words_ = 0;
  std::vector<Word> bits_;
};

/// [a's row x b's column]: set where some k is set in a's row and b's column. Paths of two steps.
inline BitMatrix operator*(const BitMatrix& a, const BitMatrix& b) {
  BitMatrix product(a.rows(), b.words() * BitMatrix::word_bits);
  for (Index r = 0; r < a.rows(); ++r)
    a.for_each(r, [&](Index k) {
      for (Index w = 0; w < b.words(); ++w) product.row(r)[w] |= b.row(k)[w];
    });
  return product;
}

}  // namespace attnscope::detail
