#include <attnscope/heads/importance.hpp>
#include <attnscope/heads/pruning.hpp>
#include <attnscope/io/safetensors.hpp>

#include <random>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

using Heads = std::vector<HeadId>;

/// Ascending: (1,1) (0,2) (2,0) (0,0) (1,0) (0,1) (1,2) (0,3).
const HeadScores eight_heads{Eigen::Vector4d(4, 6, 2, 8), Eigen::Vector3d(5, 1, 7),
                             Eigen::VectorXd::Constant(1, 3)};
const Heads ascending{{1, 1}, {0, 2}, {2, 0}, {0, 0}, {1, 0}, {0, 1}, {1, 2}, {0, 3}};

Heads first(std::size_t count) { return {ascending.begin(), ascending.begin() + static_cast<Index>(count)}; }

PruningPlan plan_of(const PruningOptions& options) { return plan_pruning(eight_heads, options); }
template <typename Kind = ValueError>
std::string refusal(const PruningOptions& options) {
  return message_of<Kind>([&] { plan_of(options); });
}

HeadScores random_importance(unsigned seed, const std::vector<Index>& heads) {
  std::mt19937 generator(seed);
  HeadScores scores;
  for (const Index count : heads) {
    scores.emplace_back(count);
    for (double& score : scores.back()) score = static_cast<double>(generator() % 10);  // with ties
  }
  return scores;
}

}  // namespace

TEST_CASE("the least important heads of the model go first") {
  for (std::size_t count = 0; count <= 8; ++count) {
    const PruningPlan plan = plan_of({.count = static_cast<Index>(count), .keep_per_layer = 0});
    CHECK(plan.order == first(count));
    CHECK(plan.asked == static_cast<Index>(count));
    CHECK(plan.kept == without(every_head({4, 3, 1}), first(count)));
  }
}

TEST_CASE("a fraction is rounded down, but not by the last bit") {
  const auto asked = [](Index heads, double fraction) {
    return plan_pruning({Eigen::VectorXd::LinSpaced(heads, 0, 1)},
                        {.fraction = fraction, .keep_per_layer = 0})
        .asked;
  };
  CHECK(asked(8, 0) == 0);
  CHECK(asked(8, .124) == 0);
  CHECK(asked(8, .125) == 1);
  CHECK(asked(8, .99) == 7);
  CHECK(asked(8, 1) == 8);
  CHECK(asked(100, .29) == 29);  // .29 * 100 is 28.999999999999996
  CHECK(asked(100, .2899) == 28);
}

TEST_CASE("a layer keeps its least number of heads, and others go in their place") {
  const PruningPlan one = plan_of({.count = 5});
  CHECK(one.order == Heads{{1, 1}, {0, 2}, {0, 0}, {1, 0}, {0, 1}});  // (2,0) is all that layer 2 has
  const PruningPlan most = plan_of({.fraction = 1});
  CHECK(heads_in(most.kept) == Heads{{0, 3}, {1, 2}, {2, 0}});
  CHECK(most.asked == 8);
  CHECK(plan_pruning({eight_heads[0], eight_heads[1]}, {.fraction = 1, .keep_per_layer = 3}).order ==
        Heads{{0, 2}});
}

TEST_CASE("the same number or share of every layer") {
  CHECK(plan_of({.count = 1, .by_layer = true, .keep_per_layer = 0}).order == Heads{{1, 1}, {0, 2}, {2, 0}});
  CHECK(plan_of({.count = 1, .by_layer = true}).order == Heads{{1, 1}, {0, 2}});
  const PruningPlan half = plan_of({.fraction = .5, .by_layer = true});
  CHECK(half.order == Heads{{1, 1}, {0, 2}, {0, 0}});  // 2 of 4, 1 of 3, 0 of 1
  CHECK(half.asked == 3);
  CHECK(plan_of({.fraction = 1, .by_layer = true, .keep_per_layer = 0}).order == ascending);
}

TEST_CASE("among equals the first by layer and head") {
  const HeadScores equal{Eigen::Vector2d(1, 1), Eigen::Vector2d(1, 0)};
  CHECK(plan_pruning(equal, {.count = 4, .keep_per_layer = 0}).order ==
        Heads{{1, 1}, {0, 0}, {0, 1}, {1, 0}});
}

TEST_CASE("heads of one key-value head go together") {
  // Layer 0 in pairs {4, 6}, {2, 8}, layer 1 all three {5, 1, 7}, layer 2 alone {3}.
  const std::vector<Index> sizes{2, 3, 1};
  const Heads order{{2, 0}, {0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0}, {1, 1}, {1, 2}};  // 3, 10, 10, 13
  CHECK(plan_of({.fraction = 1, .keep_per_layer = 0, .group_sizes = sizes}).order == order);
  const Heads by_max{{2, 0}, {0, 0}, {0, 1}, {1, 0}, {1, 1}, {1, 2}, {0, 2}, {0, 3}};  // 3, 6, 7, 8
  CHECK(plan_of({.fraction = 1,
                 .keep_per_layer = 0,
                 .group_sizes = sizes,
                 .group_importance = GroupImportance::max})
            .order == by_max);
  // Whole or not at all: the pair does not fit beside the one.
  CHECK(plan_of({.count = 2, .keep_per_layer = 0, .group_sizes = sizes}).order == Heads{{2, 0}});
  // A layer of one group keeps it; a layer of pairs keeps two where one is asked for.
  CHECK(plan_of({.fraction = 1, .group_sizes = sizes}).order == Heads{{0, 0}, {0, 1}});
  CHECK(plan_of({.count = 1, .by_layer = true, .keep_per_layer = 0, .group_sizes = sizes}).order ==
        Heads{{2, 0}});
}

TEST_CASE("one of a redundant group stays, the most important") {
  const std::vector<Heads> groups{{{1, 1}, {0, 2}, {0, 0}}, {{1, 0}, {0, 0}}};
  CHECK(plan_of({.count = 4, .keep_per_layer = 0, .redundant = groups}).order ==
        Heads{{1, 1}, {0, 2}, {2, 0}, {1, 0}});  // not (0,0): it is the last of the first group
  const PruningPlan all = plan_of({.fraction = 1, .keep_per_layer = 0, .redundant = groups});
  CHECK(heads_in(all.kept) == Heads{{0, 0}});
  CHECK(plan_of({.count = 2, .keep_per_layer = 0, .redundant = {{{1, 1}}}}).order == Heads{{0, 2}, {2, 0}});
  // With key-value groups: the pair {2, 8} of layer 0 holds both of the redundant heads.
  CHECK(
      heads_in(
          plan_of(
              {.fraction = 1, .keep_per_layer = 0, .group_sizes = {2, 1, 1}, .redundant = {{{0, 2}, {0, 3}}}})
              .kept) == Heads{{0, 2}, {0, 3}});
}

TEST_CASE("properties of plans of random models") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 generator(seed);
    const auto up_to = [&](Index most) {
      return static_cast<Index>(generator() % static_cast<unsigned>(most + 1));
    };
    const std::vector<Index> heads{4, 8, 6};
    const HeadScores scores = random_importance(seed, heads);
    PruningOptions options{.by_layer = seed % 3 == 0, .keep_per_layer = up_to(3)};
    if (seed % 2 == 0) options.group_sizes = {2, 4, 1};
    for (Index group = up_to(2); group > 0; --group) {
      Heads& some = options.redundant.emplace_back();
      for (Index member = 1 + up_to(2); member > 0; --member) some.push_back({1, up_to(7)});
    }
    PruningPlan smaller;
    for (int step = 0; step <= 10; ++step) {
      options.fraction = step / 10.;
      const PruningPlan plan = plan_pruning(scores, options);
      CHECK(plan.kept == without(every_head(heads), plan.order));
      CHECK(static_cast<Index>(plan.order.size()) <= plan.asked);
      CHECK(heads_in(plan.kept, false).size() == plan.order.size());  // nobody twice
      for (const std::vector<bool>& layer : plan.kept)
        CHECK(std::ranges::count(layer, true) >= options.keep_per_layer);
      for (const Heads& group : options.redundant)
        CHECK(std::ranges::any_of(
            group, [&](const HeadId& id) { return plan.kept[1][static_cast<std::size_t>(id.head)]; }));
      if (seed % 2 == 0)
        for (std::size_t h = 0; h < 8; h += 4)
          for (std::size_t i = 1; i < 4; ++i) CHECK(plan.kept[1][h] == plan.kept[1][h + i]);
      for (const HeadId& id : smaller.order)
        CHECK_FALSE(plan.kept[static_cast<std::size_t>(id.layer)][static_cast<std::size_t>(id.head)]);
      if (!options.by_layer) {
        REQUIRE(plan.order.size() >= smaller.order.size());
        CHECK(std::equal(smaller.order.begin(), smaller.order.end(), plan.order.begin()));
      }
      if (options.group_sizes.empty() && options.redundant.empty())
        CHECK(std::ranges::is_sorted(plan.order, {},
                                     [&](const HeadId& id) { return std::pair(score_of(scores, id), id); }));
      smaller = plan;
    }
  }
}

TEST_CASE("what cannot be planned is refused with its place") {
  CHECK(refusal({}) == "give either a fraction or a count of heads to remove");
  CHECK(refusal({.fraction = .5, .count = 1}) == "give either a fraction or a count of heads to remove");
  CHECK(refusal({.fraction = 1.5}) == "fraction = 1.5 is not in 0..1");
  CHECK(refusal({.fraction = -.1}) == "fraction = -0.1 is not in 0..1");
  CHECK(refusal({.fraction = std::nan("")}) == "fraction = nan is not in 0..1");
  CHECK(refusal({.count = 9}) == "count = 9 is not in 0..8, the heads of the model");
  CHECK(refusal({.count = -1}) == "count = -1 is not in 0..8, the heads of the model");
  CHECK(refusal({.count = 2, .by_layer = true}) == "count = 2 is not in 0..1, the heads of layer 2");
  CHECK(refusal({.count = 1, .keep_per_layer = 2}) == "layer 2 has 1 heads, fewer than keep_per_layer = 2");
  CHECK(refusal({.count = 1, .keep_per_layer = -1}) == "keep_per_layer = -1 is negative");
  CHECK(refusal<ShapeError>({.count = 1, .group_sizes = {2, 3}}) == "2 group sizes for 3 layers");
  CHECK(refusal<ShapeError>({.count = 1, .group_sizes = {2, 2, 1}}) ==
        "layer 1: 3 heads do not make groups of 2");
  CHECK(refusal<ShapeError>({.count = 1, .group_sizes = {0, 1, 1}}) ==
        "layer 0: 4 heads do not make groups of 0");
  CHECK(refusal<ShapeError>({.count = 1, .redundant = {{{0, 1}}, {}}}) == "redundant group 1 has no heads");
  CHECK(refusal<ShapeError>({.count = 1, .redundant = {{{0, 1}, {1, 3}}}}) ==
        "redundant group 0: there is no layer 1, head 3");
  CHECK(refusal<ShapeError>({.count = 1, .redundant = {{{3, 0}}}}) ==
        "redundant group 0: there is no layer 3, head 0");
  HeadScores bad = eight_heads;
  bad[1](2) = undefined;
  CHECK(message_of<ValueError>([&] { plan_pruning(bad, {.count = 1}); }) ==
        "layer 1, head 2: the importance is nan");
}

TEST_CASE("no layers, layers without heads") {
  CHECK(plan_pruning({}, {.fraction = 1}).order.empty());
  CHECK(
      plan_pruning({Eigen::VectorXd(), Eigen::Vector2d(1, 2)}, {.fraction = .5, .keep_per_layer = 0}).order ==
      Heads{{1, 0}});
}

TEST_CASE("the plan as JSON, with the model's own layer numbers") {
  const PruningPlan plan = plan_of({.count = 4, .keep_per_layer = 0});
  CHECK(pruning_json(plan) ==
        "{\n \"format\": \"attnscope-pruning/1\",\n \"asked\": 4,\n"
        " \"heads_to_prune\": {\"0\": [0, 2], \"1\": [1], \"2\": [0]},\n"
        " \"order\": [[1, 1], [0, 2], [2, 0], [0, 0]],\n \"layers\": [0, 1, 2],\n"
        " \"mask\": [[0, 1, 0, 1], [1, 0, 1], [0]]\n}\n");
  CHECK_THAT(pruning_json(plan, {0, 2, 5}),
             ContainsSubstring("{\"0\": [0, 2], \"2\": [1], \"5\": [0]}") &&
                 ContainsSubstring("\"order\": [[2, 1], [0, 2], [5, 0], [0, 0]]") &&
                 ContainsSubstring("\"layers\": [0, 2, 5]"));
  CHECK_THAT(pruning_json(plan_of({.count = 0})),
             ContainsSubstring("\"heads_to_prune\": {},\n \"order\": [],"));
  CHECK(message_of<ShapeError>([&] {
          pruning_json(plan, {0, 1});
        }) == "2 layer numbers for a plan of 3 layers");
}

namespace {
/// The score of a model that is worth the sum of what its kept heads are worth.
MaskScorer sum_of(const HeadScores& worth) {
  return [worth](const HeadMask& kept) {
    double sum = 0;
    for (const HeadId& id : heads_in(kept)) sum += score_of(worth, id);
    return sum;
  };
}
}  // namespace

TEST_CASE("tolerance: the score as the heads of one layer go, least important first") {
  MaskedScore score({4, 3, 1}, sum_of({Eigen::Vector4d(1, 2, 3, 4), Eigen::Vector3d(10, 20, 30),
                                       Eigen::VectorXd::Constant(1, -5)}));
  const PruningToleranceResult result = pruning_tolerance(score, eight_heads);
  CHECK(result.baseline == 65);
  CHECK(result.order == std::vector<std::vector<Index>>{{2, 0, 1, 3}, {1, 0, 2}, {0}});
  CHECK(result.scores[0].transpose() == Eigen::RowVectorXd{{65, 62, 61, 59, 55}});
  CHECK(result.scores[1].transpose() == Eigen::RowVectorXd{{65, 45, 35, 5}});
  CHECK(result.scores[2].transpose() == Eigen::RowVectorXd{{65, 70}});
  CHECK(result.mean_drop(0) == Approx((3 + 4 + 6 + 10) / 4.));
  CHECK(result.mean_drop(1) == Approx((20 + 30 + 60) / 3.));
  CHECK(result.mean_drop(2) == -5);
  CHECK(score.evaluations() == 1 + 4 + 3 + 1);
  Index last = 0, of = 0;
  pruning_tolerance(score, eight_heads, [&](Index done, Index total) {
    last = done;
    of = total;
    return true;
  });
  CHECK(last == 9);
  CHECK(of == 9);
  CHECK(score.evaluations() == 9);
  CHECK_THROWS_AS(pruning_tolerance(score, eight_heads, [](Index, Index) { return false; }), Stopped);
  CHECK(message_of<ShapeError>([&] { pruning_tolerance(score, {eight_heads[0]}); }) ==
        "importance of [4] heads for a model of [4, 3, 1]");
  HeadScores bad = eight_heads;
  bad[0](3) = undefined;
  CHECK(message_of<ValueError>([&] { pruning_tolerance(score, bad); }) ==
        "layer 0, head 3: the importance is nan");
}

TEST_CASE("tolerance of a real model's layers") {
  // The score: how much is left of the attention output of the layer that lost most, 1 - |removed| / |all|.
  // Numbers of importance_reference.py --tolerance.
  const TensorFile file = read_safetensors(ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors");
  HeadScores by_position;
  std::vector<std::vector<Eigen::MatrixXd>> outputs(2);  // [layer][head] of [query x model]
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const auto data = [&](const char* field) {
      return elements<float>(*file.find(fmt::format("self.{}.{}", layer, field)));
    };
    using Rows = Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
    const auto a = data("attention"), g = data("attention_gradient"), v = data("value"),
               o = data("output_projection");
    const Layout layout({1, 4, 13, 13});
    by_position.push_back(
        importance(aligned(AttentionView<float>(a.get(), layout), AttentionView<float>(g.get(), layout)))
            .mean.per_position);
    const Index width = layer == 0 ? 64 : 128;
    for (Index h = 0; h < 4; ++h)
      outputs[layer].push_back((Rows(a.get() + h * 169, 13, 13) * Rows(v.get() + h * 13 * width, 13, width) *
                                Rows(o.get() + h * width * 512, width, 512))
                                   .cast<double>());
  }
  MaskedScore score({4, 4}, [&](const HeadMask& kept) {
    double least = 1;
    for (std::size_t layer = 0; layer < 2; ++layer) {
      Eigen::MatrixXd all = Eigen::MatrixXd::Zero(13, 512), removed = all;
      for (std::size_t h = 0; h < 4; ++h) {
        all += outputs[layer][h];
        if (!kept[layer][h]) removed += outputs[layer][h];
      }
      least = std::min(least, 1 - removed.norm() / all.norm());
    }
    return least;
  });
  const PruningToleranceResult result = pruning_tolerance(score, by_position);
  CHECK(result.order == std::vector<std::vector<Index>>{{0, 2, 3, 1}, {2, 0, 3, 1}});
  CHECK((result.scores[0] - Eigen::VectorXd{{1, .6309, .2897, .0973, 0}}).norm() < 1e-4);
  CHECK((result.scores[1] - Eigen::VectorXd{{1, .6457, .4678, .1154, 0}}).norm() < 1e-4);
  CHECK(result.mean_drop(0) > result.mean_drop(1));
}

TEST_CASE("tolerance of equals, of a layer without heads") {
  MaskedScore score({0, 2}, sum_of({Eigen::VectorXd(), Eigen::Vector2d(1, 2)}));
  const PruningToleranceResult result = pruning_tolerance(score, {Eigen::VectorXd(), Eigen::Vector2d(7, 7)});
  CHECK(result.order[1] == std::vector<Index>{0, 1});
  CHECK(std::isnan(result.mean_drop(0)));
  CHECK(result.scores[0].size() == 1);
}

TEST_CASE("iterative pruning measures the importance anew, until the score falls below its share") {
  // 10 heads worth 1 .. 10 of 55, one a step; 90 % is 49.5: the heads worth 1 and 2 may go, with 3 it is 49.
  const HeadScores worth{Eigen::VectorXd::LinSpaced(5, 1, 5), Eigen::VectorXd::LinSpaced(5, 6, 10)};
  MaskedScore score({5, 5}, sum_of(worth));
  std::vector<HeadMask> asked;
  const auto measure = [&](const HeadMask& kept) {
    asked.push_back(kept);
    HeadScores now = worth;
    for (const HeadId& id : heads_in(kept, false))
      now[static_cast<std::size_t>(id.layer)](id.head) = undefined;
    return now;
  };
  const IterativePruningResult result = prune_iteratively(score, measure);
  CHECK(result.baseline == 55);
  CHECK(result.scores == std::vector<double>{54, 52});
  CHECK(result.plan.order == Heads{{0, 0}, {0, 1}});
  CHECK(result.plan.asked == 2);
  CHECK(result.plan.kept == without(every_head({5, 5}), {{0, 0}, {0, 1}}));
  REQUIRE(asked.size() == 3);
  CHECK(asked[1] == without(every_head({5, 5}), {{0, 0}}));
  CHECK(score.evaluations() == 4);

  // Three a step: 55 - 6 is below. At a share of .5 4, 6 and 7 follow: 5 is the last of its layer.
  CHECK(prune_iteratively(score, measure, {.step = .3}).plan.order.empty());
  const IterativePruningResult half = prune_iteratively(score, measure, {.step = .3, .least_score = .5});
  CHECK(half.scores == std::vector<double>{49, 32});
  // Importance measured once, and heads that turn out to be in the way.
  const IterativePruningResult once =
      prune_iteratively(score, [&](const HeadMask&) { return worth; }, {.least_score = 0});
  CHECK(heads_in(once.plan.kept) == Heads{{0, 4}, {1, 4}});  // until a layer keeps its one
  CHECK(once.scores.size() == 8);
}

TEST_CASE("a step takes a key-value group at least") {
  const HeadScores worth{Eigen::Vector4d(1, 1, 9, 9), Eigen::Vector4d(2, 2, 9, 9)};
  MaskedScore score({4, 4}, sum_of(worth));
  const IterativePruningResult result = prune_iteratively(
      score, [&](const HeadMask&) { return worth; },
      {.step = .01, .least_score = .8, .limits = {.group_sizes = {2, 2}}},
      [](Index done, Index total) { return done <= total; });
  CHECK(result.plan.order == Heads{{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  CHECK(result.scores == std::vector<double>{40, 36});
}

TEST_CASE("iterative pruning refuses what has no answer") {
  MaskedScore negative({2}, sum_of({Eigen::Vector2d(-1, -2)})), score({2}, sum_of({Eigen::Vector2d(1, 2)}));
  const auto same = [](const HeadMask&) { return HeadScores{Eigen::Vector2d(1, 2)}; };
  CHECK(message_of<ValueError>([&] { prune_iteratively(negative, same); }) ==
        "the score with every head is -3: a share of it is no floor");
  CHECK(message_of<ValueError>([&] { prune_iteratively(score, same, {.step = 0}); }) ==
        "step = 0 is not above 0 and at most 1");
  const auto other = [](const HeadMask&) { return HeadScores{Eigen::Vector3d(1, 2, 3)}; };
  CHECK(message_of<ShapeError>([&] { prune_iteratively(score, other); }) ==
        "importance of [3] heads for a model of [2]");
  const auto unknown = [](const HeadMask&) { return HeadScores{Eigen::Vector2d(1, undefined)}; };
  CHECK(message_of<ValueError>([&] { prune_iteratively(score, unknown); }) ==
        "layer 0, head 1: the importance is nan");
  CHECK_THROWS_AS(prune_iteratively(score, same, {}, [](Index, Index) { return false; }), Stopped);
}
