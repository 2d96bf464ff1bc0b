#include <attnscope/attribution/attention_variation.hpp>

#include "attribution/explained_models.hpp"
#include "statistics/made_numbers.hpp"

using namespace attnscope;
using test::numbers;

namespace {
Eigen::MatrixXd row(std::initializer_list<double> weights) { return numbers(weights).transpose(); }

/// Two examples, of three tokens and of two.
ModelRun run_of(const Eigen::MatrixXd& first, const Eigen::MatrixXd& second, double p) {
  return {{{first}, {second}}, {numbers({p, 1 - p}), numbers({.5, .5})}};
}
const std::vector<ModelRun> runs{run_of(row({.5, .3, .2}), row({1, 0}), .75),
                                 run_of(row({.2, .5, .3}), row({1, 0}), .5),
                                 run_of(row({.5, .3, .2}), row({0, 1}), .75)};
const double ln2 = std::numbers::ln2;
}  // namespace

TEST_CASE("two runs, example by example") {
  const RunComparison compared = compare_runs(runs[0], runs[1]);
  CHECK(compared.jensen_shannon(0) == Approx(.0508746125).epsilon(1e-9));
  CHECK(compared.jensen_shannon(1) == 0);
  CHECK(compared.output_distance == Eigen::Vector2d(.25, 0));
  CHECK(compared.median_jensen_shannon == compared.jensen_shannon(0) / 2);
  CHECK(compared.median_output_distance == .125);
  const RunComparison none = compare_runs({}, {});
  CHECK(none.jensen_shannon.size() == 0);
  CHECK(std::isnan(none.median_jensen_shannon));
}

TEST_CASE("all pairs of runs, or all against one") {
  const AttentionVariation all = attention_variation(runs);
  CHECK(all.pairs == std::vector<std::pair<Index, Index>>{{0, 1}, {0, 2}, {1, 2}});
  CHECK(all.jensen_shannon(0, 0) == Approx(.0508746125).epsilon(1e-9));
  CHECK(all.jensen_shannon(1, 0) == 0);
  CHECK(all.jensen_shannon(2, 0) == Approx(.0508746125).epsilon(1e-9));
  CHECK(all.jensen_shannon.col(1).isApprox(Eigen::Vector3d(0, ln2, ln2), 1e-14));
  CHECK(all.output_distance.col(0) == Eigen::Vector3d(.25, 0, .25));
  const AttentionVariation one = attention_variation(runs, {.reference = 1});
  CHECK(one.pairs == std::vector<std::pair<Index, Index>>{{0, 1}, {1, 2}});
  CHECK(one.jensen_shannon(1, 1) == Approx(ln2).epsilon(1e-14));
}

TEST_CASE("whether adversaries are further than seeds") {
  const AttentionVariation seeds = attention_variation(runs);  // [.051, 0, .051] and [0, ln 2, ln 2]
  CHECK(further_than_seeds(seeds, Eigen::Vector2d(.6, .6)).isApprox(Eigen::Vector2d(1, 1. / 3), 1e-14));
  CHECK(further_than_seeds(seeds, Eigen::Vector2d(0, ln2 + 1)).isApprox(Eigen::Vector2d(1. / 6, 1), 1e-14));
  CHECK(message_of<ShapeError>([&] { further_than_seeds(seeds, numbers({1})); }) ==
        "1 divergences for the variation of 2 examples");
  CHECK(message_of<ValueError>([&] {
          further_than_seeds(seeds, numbers({1, NAN}));
        }) == "divergences[1] is nan");
}

TEST_CASE("the frontier of far attention and near output") {
  //  0 is beaten by 2 (as near, further), 3 by 1, 5 is 1 again, 4 is the furthest, 6 pays for nothing.
  const Eigen::VectorXd far = numbers({.1, .3, .2, .25, .6, .3, .6}),
                        moved = numbers({.01, .05, .01, .06, .2, .05, .3});
  CHECK(trade_off_frontier(far, moved) == std::vector<Index>{2, 1, 4});
  CHECK(trade_off_frontier(numbers({}), numbers({})).empty());
  // Nothing off the frontier is on it, everything else is beaten: by definition, on many points.
  const auto [x, y] = test::made(60, 25, 4);
  const std::vector<Index> frontier = trade_off_frontier(x, y);
  for (Index i = 0; i < 60; ++i) {
    bool beaten = false;
    for (Index j = 0; j < 60; ++j)
      beaten = beaten || (x(j) >= x(i) && y(j) <= y(i) && (x(j) > x(i) || y(j) < y(i) || j < i));
    CHECK(beaten == (std::find(frontier.begin(), frontier.end(), i) == frontier.end()));
  }
  CHECK(message_of<ShapeError>([] { trade_off_frontier(numbers({1}), numbers({})); }) ==
        "x has 1 numbers, but y has 0");
  CHECK(message_of<ValueError>([] { trade_off_frontier(numbers({1}), numbers({NAN})); }) ==
        "output_distance[0] is nan");
}

TEST_CASE("runs that cannot be compared") {
  const auto shape = [](const std::vector<ModelRun>& some, const VariationOptions& options = {}) {
    return message_of<ShapeError>([&] { attention_variation(some, options); });
  };
  CHECK(shape({runs[0]}) == "the variation of 1 runs");
  CHECK(shape(runs, {.reference = 3}) == "reference 3 of 3 runs");
  ModelRun other = runs[0];
  other.outputs.pop_back();
  CHECK(shape({runs[0], other}) == "runs 0 and 1: attention of 2 and 2 examples, but outputs of 2 and 1");
  other.attention.pop_back();
  CHECK(shape({runs[0], other}) == "runs 0 and 1: runs of 2 and 1 examples");
  other = runs[0];
  other.attention[1].attention = row({.5, .3, .2});
  CHECK(shape({runs[0], runs[1], other}) ==
        "runs 0 and 2: example 1: attention [1 x 3] in the place of [1 x 2]");
  other = runs[0];
  other.outputs[1] = numbers({1});
  CHECK(shape({other, runs[0]}) ==
        "runs 0 and 1: example 1: the model's output has 2 numbers of the second run, not 1");
  other.attention[0].attention(0) = NAN;
  CHECK(message_of<ValueError>([&] { compare_runs(other, runs[0]); }) ==
        "example 0: row 0, token 0: the weight is nan");
  other = runs[1];
  other.attention[1].visible = VisibleTokens::Constant(1, 2, true);
  other.attention[1].visible(0) = false;
  other.attention[1].attention = row({0, 1});
  CHECK(message_of<ShapeError>([&] { compare_runs(other, runs[0]); }) ==
        "example 1: row 0 sees token 0 in one of them alone");
  other = runs[0];
  other.outputs[0](1) = NAN;
  CHECK(message_of<ValueError>([&] { compare_runs(other, runs[1]); }) ==
        "example 0: the model's output[1] is nan of the first run");
}

TEST_CASE("a row that one run does not weigh counts, whichever run that is") {
  const ModelRun none{{{row({0, 0})}}, {numbers({1})}}, one{{{row({1, 0})}}, {numbers({1})}};
  CHECK(compare_runs(none, one).jensen_shannon(0) == Approx(ln2 / 2));
  CHECK(compare_runs(one, none).jensen_shannon(0) == compare_runs(none, one).jensen_shannon(0));
}
