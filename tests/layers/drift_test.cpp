#include <attnscope/layers/drift.hpp>
#include <attnscope/source/rewritten.hpp>

#include "layers/made_layers.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Indices = std::vector<Index>;
using Matrix3 = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

namespace {
AttentionView<double> made(const AttentionTensor<double>& tensor) {
  return AttentionView<double>(tensor, test::made_mask);
}
/// Nine tenths of `first` with its heads in another order, a tenth of `other`.
AttentionTensor<double> mixed(const AttentionTensor<double>& first, const AttentionTensor<double>& other) {
  AttentionTensor<double> second = other;
  const Index order[] = {2, 0, 1};
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 3; ++h)
      for (Index i = 0; i < 8; ++i)
        for (Index j = 0; j < 8; ++j)
          second(b, h, i, j) = .9 * first(b, order[h], i, j) + .1 * other(b, h, i, j);
  return second;
}
}  // namespace

TEST_CASE("drift of a layer whose heads were reordered, against scipy") {
  const auto tensors = test::made_tensors();
  const auto second = mixed(tensors[0], tensors[1]);
  const DriftResult result = drift(made(tensors[0]), made(second));
  Matrix3 variation, largest, divergence, largest_divergence;
  variation << 0.0506931649812, 0.022123847998, 0.343450784475, 0.361889430208, 0.349967087396,
      0.0282491368219, 0.0194327785107, 0.0786552261871, 0.353792399935;
  largest << 0.243097401562, 0.0357142857143, 0.479947817837, 0.541666666667, 0.506060606061, 0.0809090909091,
      0.0314285714286, 0.252802916038, 0.510965152344;
  divergence << 0.0110651509883, 0.000530506100323, 0.0807701414395, 0.0931715677686, 0.0864177500166,
      0.00132336938692, 0.000392199678584, 0.0124131557946, 0.0874304851937;
  largest_divergence << 0.0663587531371, 0.0015250133946, 0.131760216614, 0.170629607723, 0.151522049184,
      0.00686167863506, 0.00102553092101, 0.0717326405952, 0.145596174077;
  CHECK(test::difference(result.total_variation, variation) < 1e-11);
  CHECK(test::difference(result.jensen_shannon, divergence) < 1e-11);
  CHECK(result.moved == 3);
  CHECK(result.in_place.partner == Indices{0, 1, 2});
  CHECK(result.matched.partner == Indices{1, 2, 0});
  CHECK(test::difference(result.in_place.total_variation, variation.diagonal()) < 1e-11);
  CHECK(test::difference(result.in_place.max_jensen_shannon, largest_divergence.diagonal()) < 1e-11);
  for (Index h = 0; h < 3; ++h) {
    const Index other = result.matched.partner[static_cast<std::size_t>(h)];
    CHECK(result.matched.total_variation(h) == Approx(variation(h, other)));
    CHECK(result.matched.max_total_variation(h) == Approx(largest(h, other)));
    CHECK(result.matched.jensen_shannon(h) == Approx(divergence(h, other)));
    CHECK(result.matched.max_jensen_shannon(h) == Approx(largest_divergence(h, other)));
    const HeadNumbers a = head_numbers(made(tensors[0])), b = head_numbers(made(second));
    for (const auto& [name, values] : head_number_list)
      CHECK((result.matched.change.*values)(h) == Approx((b.*values)(other) - (a.*values)(h)).margin(1e-14));
    CHECK(result.in_place.change.entropies(h) == Approx(b.entropies(h) - a.entropies(h)));
  }
  CHECK(result.matched.change.uniform_locality == 0);
}

TEST_CASE("permuted heads are recognised whole, and have not drifted") {
  const Mask mask = self_padding({300, 80}, {0, 100}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({2, 6, 300, 300}, mask));
  const AttentionView<float> view(a, mask);
  const Indices order{3, 5, 0, 4, 1, 2};
  const DriftResult one = drift(view, select_heads(view, order), {}, {.threads = 1});
  const DriftResult four = drift(view, select_heads(view, order), {}, {.threads = 4});
  CHECK(one.moved == 6);
  for (Index k = 0; k < 6; ++k)
    CHECK(one.matched.partner[static_cast<std::size_t>(order[static_cast<std::size_t>(k)])] == k);
  CHECK(one.matched.total_variation.isZero(0));
  CHECK(one.matched.max_jensen_shannon.isZero(1e-14));
  CHECK(one.matched.change.entropies.isZero(0));
  CHECK(one.in_place.total_variation.minCoeff() > .1);
  CHECK(one.jensen_shannon.maxCoeff() < std::log(2.));
  CHECK(one.total_variation == four.total_variation);
  CHECK(one.jensen_shannon == four.jensen_shannon);
  CHECK(one.in_place.max_jensen_shannon == four.in_place.max_jensen_shannon);
}

TEST_CASE("the same heads stay in place, equal ones too") {
  const auto a = test::pattern(Layout({1, 2, 5, 5}));
  const auto twice = select_heads(a, {0, 0, 1});
  const DriftResult result = drift(twice, twice);
  CHECK(result.matched.partner == Indices{0, 1, 2});
  CHECK(result.moved == 0);
  // Either head of the first could be head 1 of the second.
  CHECK(drift(select_heads(a, {0, 0}), select_heads(a, {1, 0})).matched.partner == Indices{0, 1});
}

TEST_CASE("a precision moves every row a little, and float does not hide it") {
  const auto a = test::random_attention<float>(Layout({1, 4, 60, 60}));
  AttentionTensor<Eigen::bfloat16> rounded = a.cast<Eigen::bfloat16>();
  const DriftResult result = drift(a, rounded);
  CHECK(result.moved == 0);
  double variation = 0, divergence = 0;  // of head 1
  for (Index i = 0; i < 60; ++i)
    for (Index j = 0; j < 60; ++j) {
      const double p = static_cast<double>(a(0, 1, i, j)),
                   q = static_cast<double>(static_cast<float>(rounded(0, 1, i, j)));
      variation += std::abs(p - q) / 2;
      divergence += (p * std::log(p / ((p + q) / 2)) + q * std::log(q / ((p + q) / 2))) / 2;
    }
  CHECK(result.in_place.total_variation(1) == Approx(variation / 60));
  CHECK(result.in_place.jensen_shannon(1) == Approx(divergence / 60).epsilon(1e-5));
  CHECK(result.in_place.jensen_shannon(1) < 1e-5);
  CHECK(result.in_place.jensen_shannon(1) > 1e-8);
}

TEST_CASE("a model that lost heads: the ones left are recognised, the others have no partner") {
  const auto a = test::pattern(Layout({1, 4, 6, 6}));
  const DriftResult fewer = drift(a, select_heads(a, {3, 1}));
  CHECK(fewer.matched.partner == Indices{-1, 1, -1, 0});
  CHECK(fewer.in_place.partner == Indices{0, 1, -1, -1});
  CHECK(fewer.moved == 1);
  CHECK(std::isnan(fewer.matched.total_variation(0)));
  CHECK(fewer.matched.total_variation(3) == 0);
  CHECK(std::isnan(fewer.matched.change.entropies(2)));
  CHECK(fewer.matched.change.sink_mass(3) == 0);
  CHECK(drift(select_heads(a, {3, 1}), a).matched.partner == Indices{3, 1});
}

TEST_CASE("disjoint rows are as far apart as can be, also below a sum of 1") {
  const Eigen::Matrix2d a{{1, 0}, {1, 0}}, b{{0, 1}, {0, 1}}, half{{.5, 0}, {.5, 0}};
  CHECK(drift(a, b).total_variation(0, 0) == 1);
  CHECK(drift(a, b).jensen_shannon(0, 0) == Approx(std::log(2.)));
  CHECK(drift(a, half).total_variation(0, 0) == .25);
}

TEST_CASE("without divergences nothing else changes") {
  const auto tensors = test::made_tensors();
  const DriftResult all = drift(made(tensors[0]), made(tensors[1]), {.numbers = {.window = 1}});
  const DriftResult some =
      drift(made(tensors[0]), made(tensors[1]), {.numbers = {.window = 1}, .jensen_shannon = false});
  CHECK(some.total_variation == all.total_variation);
  CHECK(some.matched.max_total_variation == all.matched.max_total_variation);
  CHECK(some.matched.change.locality == all.matched.change.locality);
  CHECK(some.jensen_shannon.array().isNaN().all());
  CHECK(some.in_place.max_jensen_shannon.array().isNaN().all());
  const auto change = [&](Index h) {
    return locality(made(tensors[1]), {.window = 1}).locality(h) -
           locality(made(tensors[0]), {.window = 1}).locality(h);
  };
  CHECK(some.in_place.change.locality(1) == Approx(change(1)));
}

TEST_CASE("layers beside layers") {
  const auto tensors = test::made_tensors();
  const auto views = test::views(tensors);
  std::vector<LoadedAttention> loaded;
  for (const auto& view : views) loaded.emplace_back(AnyAttention(view));
  const auto same = drift_of_layers(loaded, loaded);
  REQUIRE(same.size() == 4);
  CHECK(same[3].matched.total_variation.isZero(0));
  CHECK(drift_of_layers(views, views)[1].moved == 0);
  CHECK(message_of<ShapeError>([&] { drift_of_layers(views, std::vector{views[0]}); }) ==
        "4 layers beside 1");
}

TEST_CASE("drift of a corpus pools as one batch does") {
  const auto tensors = test::made_tensors();
  DriftMeasure measure;
  for (Index b = 0; b < 2; ++b)
    sweep(aligned(made(tensors[0]).example(b), made(tensors[1]).example(b)), measure);
  const DriftResult pooled = measure.result(), batch = drift(made(tensors[0]), made(tensors[1]));
  CHECK(test::difference(pooled.total_variation, batch.total_variation) < 1e-15);
  CHECK(test::difference(pooled.in_place.max_jensen_shannon, batch.in_place.max_jensen_shannon) < 1e-15);
  CHECK(test::difference(pooled.matched.change.diversity, batch.matched.change.diversity) < 1e-14);
}

TEST_CASE("drift of one head, one token, no token") {
  const DriftResult one = drift(Eigen::MatrixXd::Ones(1, 1).eval(), Eigen::MatrixXd::Ones(1, 1).eval());
  CHECK(one.matched.total_variation(0) == 0);
  CHECK(std::isnan(one.matched.change.diversity(0)));
  const AttentionTensor<float> empty(1, 2, 0, 0);
  const DriftResult none = drift(empty, empty);
  CHECK(std::isnan(none.total_variation(0, 1)));
  CHECK(std::isnan(none.matched.max_total_variation(1)));
  CHECK(none.matched.partner == Indices{0, 1});
  CHECK(DriftMeasure().result().matched.partner.empty());
}

TEST_CASE("what cannot drift") {
  const auto a = test::pattern(Layout({1, 1, 3, 3}));
  const AttentionTensor<double> logits = a * 3.;
  CHECK(message_of<ValueError>([&] {
          drift(a, logits);
        }).starts_with("the second source: batch element 0, head 0, query 0: the weights sum to 3"));
  CHECK(message_of<ShapeError>([&] {
          drift_of_layers(std::vector{a}, std::vector{test::pattern(Layout({1, 1, 4, 4}))});
        }).starts_with("layer 0: batch element 0: aligned sources have 3 x 3 and 4 x 4 true tokens"));
}
