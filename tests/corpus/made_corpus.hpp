#pragma once
// A corpus that make_corpus.py makes again.
#include <attnscope/corpus/corpus_statistics.hpp>

namespace attnscope::test {

inline constexpr Index made_examples = 60, made_layers = 2, made_heads = 3;
inline constexpr CorpusOptions made_options{.replicates = 80, .seed = 7};
inline const TableName share{"self", "share"}, size{"self", "size"},
    whole_layer{"self", "of the layer", true}, role{"self", "role"};

/// 0..1, of 32 bits; `which` is 1 to 3.
inline double made_share(Index example, Index layer, Index head, std::uint64_t which) {
  const auto x = static_cast<std::uint64_t>(example * 7919 + layer * 104729 + head * 1299709) + 12345 * which;
  return static_cast<double>((x * 2654435761u ^ x * 40503u >> 3) % 4294967296u) / 4294967296.;
}
inline ExampleNumbers made_example(Index e) {
  NumberTable shares{share, Bins::linear(0, 1, 64), Eigen::ArrayXXd(made_layers, made_heads)};
  NumberTable sizes{size, Bins::octaves(-12, 12, 4), shares.values};
  NumberTable layers{whole_layer, Bins::linear(-1, 1, 32), Eigen::ArrayXXd(made_layers, 1)};
  CategoryTable roles{role, made_heads, {}};
  for (Index l = 0; l < made_layers; ++l) {
    layers.values(l, 0) = 2 * made_share(e, l, 9, 3) - 1;
    for (Index h = 0; h < made_heads; ++h) {
      shares.values(l, h) = (e + 3 * l + h) % 7 == 0 ? undefined : made_share(e, l, h, 1);
      sizes.values(l, h) =
          std::ldexp(1 + made_share(e, l, h, 2), static_cast<int>((e * 5 + h * 3) % 20) - 10);
      const double drawn = made_share(e, l, h, 3);
      roles.categories.push_back(drawn < .2 && l == 1                       ? ""
                                 : drawn < .5 + .2 * static_cast<double>(h) ? "near"
                                                                            : "first token");
    }
  }
  return {{e, e % 2}, fmt::format("example {}", e), 3 + e * 5 % 40, {shares, sizes, layers}, {roles}};
}
/// The examples from, from + 1, ... below to.
inline CorpusStatistics made_part(Index from, Index to) {
  CorpusStatistics part(made_options);
  for (Index e = from; e < to; ++e) part.add(made_example(e));
  return part;
}

/// All numbers of a state as bytes: equal where states are equal to the bit.
inline std::string bytes_of(const CorpusStatistics& state) {
  std::string all;
  const auto put = [&](const std::string& name, const auto& numbers) {
    all += name + ":";
    all.append(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::size_t>(numbers.size()) * sizeof(*numbers.data()));
  };
  for (const auto& [length, bucket] : state.buckets()) {
    all += fmt::format("{} {} {}\n", length, bucket.examples, bucket.tokens);
    for (const auto& [name, one] : bucket.numbers) {
      all += name.text();
      NumberStatistics::each_part(
          one, [&](const char* part, const auto& numbers, const PartShape&) { put(part, numbers); });
    }
    for (const auto& [name, one] : bucket.categories)
      CategoryStatistics::each_part(
          one, [&](const std::string& category, const char* part, const auto& numbers, const PartShape&) {
            put(category + part, numbers);
          });
  }
  for (const auto& [place, name] : state.names()) all += fmt::format("{} {}\n", place, name);
  for (const LeftOutExample& one : state.left_out()) all += one.name + one.reason;
  return all;
}

}  // namespace attnscope::test
