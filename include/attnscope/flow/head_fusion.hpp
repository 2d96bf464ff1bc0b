#pragma once
#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cstring>

/// Rows of several heads made one, and looked at on the way, at about the speed of memory with plain -O2.
namespace attnscope::detail {

using Eigen::Index;

/// Numbers that one vector instruction works on, in the extension that g++ and clang++ share.
template <typename Weight>
struct Lanes {
  typedef Weight type __attribute__((vector_size(16)));
  static constexpr Index count = 16 / static_cast<Index>(sizeof(Weight));

  static type load(const Weight* from) {
    type lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
  }
  static void store(Weight* to, const type& lanes) { std::memcpy(to, &lanes, sizeof lanes); }
};

// What becomes of the weight kept so far when that of the h-th of some heads is seen; for lanes and for
// numbers.
template <typename Weight>
struct AddWeighted {
  const Weight* factors;  // [head]
  template <typename Number>
  Number operator()(Index h, const Number& kept, const Number& seen) const {
    return kept + seen * factors[h];
  }
};
struct TakeLarger {
  template <typename Number>
  Number operator()(Index, const Number& kept, const Number& seen) const {
    return seen > kept ? seen : kept;
  }
};
struct TakeSmaller {
  template <typename Number>
  Number operator()(Index, const Number& kept, const Number& seen) const {
    return seen < kept ? seen : kept;
  }
};

/// What is learnt on the way about the rows of some heads.
template <std::size_t heads>
struct RowFacts {
  std::array<double, heads> sums{};
  double least = 0;  ///< the smallest weight of all of them, or 0
};

/// fused[j] = combine(h, fused[j], weight j of head h) for the heads first_head .. first_head + heads - 1,
/// whose rows of `size` weights begin `stride` apart from `rows`, head 0's. Several heads at once, because
/// then `fused` is loaded and stored less often than weights are. Four vectors a step are a cache line; what
/// comes next is fetched ahead, for a row is too short for the hardware to see a stream.
template <std::size_t heads, typename Weight, typename Combine>
RowFacts<heads> fuse_rows(const Weight* rows, Index stride, Index first_head, Index size, Weight* fused,
                          const Combine& combine) {
  using Vector = typename Lanes<Weight>::type;
  constexpr Index lanes = Lanes<Weight>::count, line = 4 * lanes, ahead = 16 * line;
  constexpr Index short_sum = 256;  // so many weights are added in their own precision
  const auto row = [&](std::size_t h) { return rows + (first_head + static_cast<Index>(h)) * stride; };
  RowFacts<heads> facts;
  Vector least[heads] = {};
  Index j = 0;
  while (j + line <= size) {
    const Index end = std::min(size, j + short_sum);
    Vector sums[heads] = {};
    for (; j + line <= end; j += line) {
#pragma GCC unroll 8
      for (std::size_t h = 0; h < heads; ++h) __builtin_prefetch(row(h) + j + ahead);
#pragma GCC unroll 4
      for (Index part = j; part < j + line; part += lanes) {
        Vector kept = Lanes<Weight>::load(fused + part);
#pragma GCC unroll 8
        for (std::size_t h = 0; h < heads; ++h) {
          const Vector seen = Lanes<Weight>::load(row(h) + part);
          sums[h] += seen;
          least[h] = seen < least[h] ? seen : least[h];
          kept = combine(first_head + static_cast<Index>(h), kept, seen);
        }
        Lanes<Weight>::store(fused + part, kept);
      }
    }
    for (std::size_t h = 0; h < heads; ++h)
      for (Index lane = 0; lane < lanes; ++lane) facts.sums[h] += static_cast<double>(sums[h][lane]);
  }
  for (const Vector& of_head : least)
    for (Index lane = 0; lane < lanes; ++lane)
      facts.least = std::min(facts.least, static_cast<double>(of_head[lane]));
  for (; j < size; ++j)
    for (std::size_t h = 0; h < heads; ++h) {
      const Weight seen = row(h)[j];
      facts.sums[h] += static_cast<double>(seen);
      facts.least = std::min(facts.least, static_cast<double>(seen));
      fused[j] = combine(first_head + static_cast<Index>(h), fused[j], seen);
    }
  return facts;
}

}  // namespace attnscope::detail
