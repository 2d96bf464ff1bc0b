#include <attnscope/flow/bit_matrix.hpp>

#include "support/catch.hpp"

using namespace attnscope::detail;

TEST_CASE("bits of a matrix are set, cleared, counted and visited in order") {
  BitMatrix bits(3, 130);
  CHECK(bits.words() == 3);
  for (const Index c : {129, 0, 63, 64}) bits.set(1, c);
  std::vector<Index> seen;
  bits.for_each(1, [&](Index c) { seen.push_back(c); });
  CHECK(seen == std::vector<Index>{0, 63, 64, 129});
  CHECK(count_bits(bits.row(1), 3) == 4);
  CHECK(count_bits(bits.row(0), 3) + count_bits(bits.row(2), 3) == 0);
  CHECK(count_bits(~Word{0}) == 64);
  CHECK(count_bits(0x8000000000000001u) == 2);
  CHECK(bits.test(1, 64));
  bits.clear(1, 64);
  CHECK_FALSE(bits.test(1, 64));
  CHECK(bits.test(1, 63));
  bits.clear();
  CHECK(bits == BitMatrix(3, 130));
}

TEST_CASE("the product of bits is the way over some middle") {
  const Index n = 70;
  BitMatrix a(n, n), b(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index k = 0; k < n; ++k) {
      if ((i * 7 + k * 3) % 41 == 0) a.set(i, k);
      if ((i * 5 + k * 11) % 37 == 0) b.set(i, k);
    }
  const BitMatrix product = a * b;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      bool way = false;
      for (Index k = 0; k < n; ++k) way = way || (a.test(i, k) && b.test(k, j));
      CHECK(product.test(i, j) == way);
    }
}
