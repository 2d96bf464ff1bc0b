// The heads that long_context makes do what their names say, at any length and with shared keys.
#include <attnscope/source/maps.hpp>
#include <attnscope/source/query_key.hpp>

#include "../examples/support/made_heads.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::vector<Eigen::MatrixXd> maps(const MadeHeads& made, Index tokens, Index heads, Index kv_heads,
                                  bool causal = true) {
  const Layout layout({1, heads, tokens, tokens}, {.causal = causal});
  return head_maps(QueryKeyAttention<float>(made.queries().data(), made.keys().data(), layout, kv_heads, 64),
                   0);
}

/// Mean over the queries from `first` on of the mass at offsets low..high before the query.
double mass_before(const Eigen::MatrixXd& map, Index low, Index high, Index first = 0) {
  double mass = 0;
  for (Index i = first; i < map.rows(); ++i)
    for (Index j = std::max<Index>(0, i - high); j <= i - low; ++j) mass += map(i, j);
  return mass / static_cast<double>(map.rows() - first);
}

double mean_entropy(const Eigen::MatrixXd& map) {
  const Eigen::ArrayXXd a = map.array();
  return -(a * (a > 0).select(a, 1).log()).sum() / static_cast<double>(map.rows());
}

}  // namespace

TEST_CASE("made heads: each does what its name says") {
  const auto [tokens, kv_heads] = GENERATE(std::pair<Index, Index>{300, 8}, std::pair<Index, Index>{512, 2});
  const MadeHeads made(tokens, 8, kv_heads, 64, 1);
  const std::vector<Eigen::MatrixXd> heads = maps(made, tokens, 8, kv_heads);
  const auto map = [&](MadeHead kind) { return heads[static_cast<std::size_t>(kind)]; };
  CAPTURE(tokens, kv_heads);

  CHECK(map(MadeHead::first_token).col(0).mean() > .85);
  CHECK(map(MadeHead::first_and_near).col(0).mean() > .3);
  CHECK(map(MadeHead::first_and_near).col(0).mean() < .7);
  CHECK(mass_before(map(MadeHead::previous_token), 1, 1, 1) > .95);
  CHECK(mass_before(map(MadeHead::near_tokens), 0, 16) > .9);
  CHECK(mass_before(map(MadeHead::near_tokens), 0, 1) < .8);
  CHECK(mass_before(map(MadeHead::first_and_near), 0, 16) > .3);

  const Index half = tokens / 2, period = made.period();
  double copies = 0;
  for (Index back = period - 1; back < tokens; back += period)
    copies += mass_before(map(MadeHead::induction), back, back, half);
  CHECK(copies > .9);

  double on_few = 0;
  std::vector<Index> few = made.few_keys();
  std::ranges::sort(few);
  few.erase(std::unique(few.begin(), few.end()), few.end());  // clang 14 cannot compile the one of ranges
  for (const Index key : few) on_few += map(MadeHead::few_keys).col(key).tail(tokens - 1 - few.back()).mean();
  CHECK(on_few > .85);

  for (const auto& [low, high] : {std::pair<Index, Index>{4, 7}, {8, 15}, {16, 31}, {32, 63}})
    CHECK(mass_before(map(MadeHead::all_distances), low, high, 128) == Approx(.1).margin(.04));

  double uniform = 0;  // the entropy of causal rows that see all alike
  for (Index seen = 1; seen <= tokens; ++seen)
    uniform += std::log(static_cast<double>(seen)) / static_cast<double>(tokens);
  CHECK(mean_entropy(map(MadeHead::diffuse)) > .9 * uniform);
  for (std::size_t h = 0; h < 7; ++h) CHECK(mean_entropy(heads[h]) < .8 * uniform);
}
