#include <attnscope/heads/token_groups.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/catch.hpp"
#include "support/pattern.hpp"

using namespace attnscope;
using Groups = std::vector<std::vector<Index>>;

namespace {
TokenGroups two(const Groups& tokens) { return token_groups({"A", "B"}, tokens); }
}  // namespace

TEST_CASE("mass between groups, against numpy: causal, padding on the left, tokens of no group") {
  const Mask mask = self_padding({7, 7}, {0, 3}, {.causal = true});
  const auto a = test::pattern(Layout({2, 2, 10, 10}, mask));
  const GroupMassResult result =
      group_mass(AttentionView<double>(a, mask), two({{1, 0, 0, -1, 1, 0, 1}, {0, 0, -1, 1, 1, 1, 1}}));
  CHECK(result.mass[0].isApprox(
      Eigen::Matrix2d{{0.752525252525, 0.225252525253}, {0.281244436444, 0.524324542707}}, 1e-11));
  CHECK(result.mass[1].isApprox(
      Eigen::Matrix2d{{0.661212121212, 0.284242424242}, {0.361556852491, 0.491745666273}}, 1e-11));
  CHECK(result.uniform_mass.isApprox(
      Eigen::Matrix2d{{0.733333333333, 0.233333333333}, {0.33537414966, 0.507142857143}}, 1e-11));
  CHECK(result.rows == std::vector<Index>{5, 7});
  CHECK(result.names == std::vector<std::string>{"A", "B"});
}

TEST_CASE("a row's groups sum to what the row does, for any number of threads") {
  const Mask mask = self_padding({600, 90}, {0, 77}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({2, 3, 600, 600}, mask));
  const auto view =
      exclude_tokens(AttentionView<float>(a, mask), {.keys = {{3, 4}, {0}}, .renormalise = false});
  TokenGroups groups{{"a", "b", "c"}};
  for (const Index length : {600, 90}) {
    groups.queries.emplace_back();
    for (Index t = 0; t < length; ++t) groups.queries.back().push_back(t % 7 % 3);
  }
  groups.keys = groups.queries;
  const GroupMassResult one = group_mass(view, groups, {.threads = 1}),
                        four = group_mass(view, groups, {.threads = 4});
  Eigen::MatrixXd plain = Eigen::MatrixXd::Zero(3, 3);
  Eigen::Vector3d sums = Eigen::Vector3d::Zero(), rows = Eigen::Vector3d::Zero();
  for (Index b = 0; b < 2; ++b)
    for (Index i = 0; i < view.layout().queries(b); ++i) {
      rows(i % 7 % 3) += 1;
      for (Index j = 0; j <= i; ++j) {
        if (b == 0 ? j == 3 || j == 4 : j == 0) continue;
        const double weight =
            static_cast<double>(a(b, 2, view.layout().query_start(b) + i, view.layout().key_start(b) + j));
        plain(i % 7 % 3, j % 7 % 3) += weight;
        sums(i % 7 % 3) += weight;
      }
    }
  for (std::size_t h = 0; h < 3; ++h) CHECK(one.mass[h] == four.mass[h]);
  CHECK(test::difference(one.mass[2], (rows.cwiseInverse().asDiagonal() * plain).eval()) <
        1e-8);  // sums of float runs
  CHECK(test::difference(one.mass[2].rowwise().sum().eval(), sums.cwiseQuotient(rows).eval()) <
        1e-8);  // sums of float runs
  // Uniform attention over visible keys, one query of the second example seeing none.
  CHECK(one.uniform_mass.row(1).sum() == Approx(1));
  CHECK(one.uniform_mass.row(0).sum() == Approx(1 - 1 / rows(0)));
}

TEST_CASE("uniform attention is its own baseline") {
  const Eigen::MatrixXd uniform = Eigen::MatrixXd::Constant(5, 5, .2);
  const GroupMassResult result = group_mass(uniform, two({{0, 1, 1, 1, 0}}));
  CHECK(result.mass[0].isApprox(result.uniform_mass));
  CHECK(result.uniform_mass(0, 1) == Approx(.6));
}

TEST_CASE("a token of no group between two of one stays out") {
  const Eigen::MatrixXd a = Eigen::RowVector4d(.1, .2, .3, .4).replicate(4, 1);
  CHECK(group_mass(a, two({{0, -1, 0, 1}})).mass[0](0, 0) == Approx(.4));
}

TEST_CASE("cross-attention has groups of its own on each side") {
  const Eigen::MatrixXd a{{.5, .25, .25}, {.1, .6, .3}};
  const GroupMassResult result = group_mass(a, {{"x", "y"}, {{0, 1}}, {{1, 1, 0}}});
  CHECK(result.mass[0].isApprox(Eigen::Matrix2d{{.25, .75}, {.3, .7}}));
}

TEST_CASE("a corpus is merged from a measure an example") {
  const auto a = test::pattern(Layout({2, 2, 4, 4}));
  const AttentionView<double> view(a);
  const Groups groups{{0, 0, 1, 1}, {0, 1, 1, 0}};
  GroupMassMeasure first(two({groups[0]})), second(two({groups[1]}));
  sweep(view.example(0), first);
  sweep(view.example(1), second);
  first.merge(std::move(second));
  const GroupMassResult batch = group_mass(view, two(groups));
  CHECK(test::difference(first.result().mass[1], batch.mass[1]) < 1e-15);
  CHECK(first.result().rows == batch.rows);
  CHECK(message_of<ShapeError>([&] {
          first.merge(GroupMassMeasure(token_groups({"A", "C"}, {})));
        }) == "cannot pool groups of other names");
}

TEST_CASE("groups without queries are undefined, padding alone is") {
  const GroupMassResult result = group_mass(Eigen::MatrixXd::Identity(2, 2).eval(), two({{0, 0}}));
  CHECK(result.mass[0](0, 1) == 0);
  CHECK(std::isnan(result.mass[0](1, 0)));
  CHECK(std::isnan(result.uniform_mass(1, 1)));
  CHECK(result.rows == std::vector<Index>{2, 0});
  const AttentionTensor<float> padding(1, 2, 3, 3);
  const GroupMassResult none = group_mass(AttentionView<float>(padding, self_padding({0})), two({{}}));
  CHECK(std::isnan(none.mass[1](0, 0)));
  CHECK(none.rows == std::vector<Index>{0, 0});
  CHECK(group_mass(Eigen::MatrixXd::Ones(1, 1).eval(), two({{1}})).mass[0](1, 1) == 1);
}

TEST_CASE("groups from a boundary, from positions, from ranges") {
  using Indices = std::vector<Index>;
  CHECK(groups_at_boundary(4, 1) == Indices{0, 1, 1, 1});
  CHECK(groups_at_boundary(2, 2) == Indices{0, 0});
  CHECK(groups_at_positions(4, Indices{0, 3}) == Indices{1, 0, 0, 1});
  CHECK(groups_of_ranges(6, std::vector<Range>{{1, 3}, {4, 6}}) == Indices{-1, 0, 0, -1, 1, 1});
  CHECK(message_of<ShapeError>([] { groups_at_boundary(4, 5); }) == "a boundary at token 5 of 4");
  CHECK(message_of<ShapeError>([] { groups_at_boundary(4, -1); }) == "a boundary at token -1 of 4");
  CHECK(message_of<ShapeError>([] { groups_at_positions(4, Indices{4}); }) == "position 4 of 4 tokens");
  CHECK(message_of<ShapeError>([] {
          groups_of_ranges(6, std::vector<Range>{{1, 3}, {2, 6}});
        }) == "token 2 is in the ranges 0 and 1");
  CHECK(message_of<ShapeError>([] {
          groups_of_ranges(6, std::vector<Range>{{1, 7}});
        }) == "range 0 is 1 .. 7 of 6 tokens");
}

TEST_CASE("groups that do not fit") {
  const auto a = test::pattern(Layout({2, 1, 3, 3}));
  const auto message = [&](const TokenGroups& groups) {
    return message_of<ShapeError>([&] { group_mass(a, groups); });
  };
  CHECK(message(two({{0, 0, 0}})) ==
        "batch element 1: its query groups are not given, those of 1 elements are");
  CHECK(message(two({{0, 0, 0}, {0, 1}})) ==
        "batch element 1: the groups of 2 query tokens are given, but there are 3");
  CHECK(message({{"A"}, {{0, 0, 0}, {0, 0, 0}}, {{0, 0, 0}, {0}}}) ==
        "batch element 1: the groups of 1 key tokens are given, but there are 3");
  CHECK(message(two({{0, 0, 2}, {0, 1, 1}})) ==
        "batch element 0: query 2 is in group 2, but there are -1 .. 1");
  CHECK(message({{"A"}, {{0, 0, 0}}, {{0, -2, 0}}}) ==
        "batch element 0: key 1 is in group -2, but there are -1 .. 0");
  CHECK(message({}) == "no groups of tokens");
}
