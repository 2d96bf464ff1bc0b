#include <attnscope/heads/importance.hpp>
#include <attnscope/io/safetensors.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include <fstream>
#include <sstream>

#include "support/attention.hpp"
#include "support/catch.hpp"

// The numbers of real gradients, and the identity sum_j A dA = <head output, its gradient> on them:
// importance_reference.py.
using namespace attnscope;
using test::difference;

namespace {

/// Of either sign, and not 0 where attention is hidden.
template <typename Scalar>
AttentionTensor<Scalar> random_gradient(const Shape& s, unsigned seed = 7) {
  AttentionTensor<Scalar> gradient(s.batch, s.heads, s.queries, s.keys);
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(.1, 1);
  for (Index i = 0; i < gradient.size(); ++i) gradient.data()[i] = static_cast<Scalar>(normal(generator));
  return gradient;
}

/// [example x head] the sums of each example, loop by loop. keep(b, i, j): whether it is seen.
struct Sums {
  Eigen::MatrixXd elementwise, per_position, gate;
  Index tokens = 0;
};
template <typename A, typename G, typename Keep>
Sums plain_sums(const A& a, const G& g, const Layout& layout, const Keep& keep) {
  const Shape& s = layout.shape();
  Sums sums;
  for (auto* m : {&sums.elementwise, &sums.per_position, &sums.gate}) m->setZero(s.batch, s.heads);
  for (Index b = 0; b < s.batch; ++b)
    for (Index i = 0; i < layout.queries(b); ++i) {
      if (!keep(b, i, -1)) continue;
      ++sums.tokens;
      for (Index h = 0; h < s.heads; ++h) {
        double row = 0;
        const Range seen = layout.visible(b, i);
        for (Index j = seen.first; j < seen.last; ++j) {
          if (!keep(b, i, j)) continue;
          const Index query = layout.query_start(b) + i, key = layout.key_start(b) + j;
          const double product =
              static_cast<double>(a(b, h, query, key)) * static_cast<double>(g(b, h, query, key));
          sums.elementwise(b, h) += std::abs(product);
          row += product;
        }
        sums.per_position(b, h) += std::abs(row);
        sums.gate(b, h) += row;
      }
    }
  return sums;
}
const auto everything = [](Index, Index, Index) { return true; };

/// Standard error of the mean of each column.
Eigen::VectorXd standard_error(const Eigen::MatrixXd& values) {
  const double n = static_cast<double>(values.rows());
  const Eigen::MatrixXd apart = values.rowwise() - values.colwise().mean();
  return (apart.colwise().squaredNorm() / (n - 1) / n).cwiseSqrt();
}
Eigen::VectorXd column_means(const Eigen::MatrixXd& values) { return values.colwise().mean(); }

void check_equals(const ImportanceResult& result, const Sums& sums) {
  constexpr double tolerance = 1e-12;
  const Eigen::MatrixXd per_example = sums.gate.cwiseAbs();
  CHECK(difference(result.mean.elementwise, column_means(sums.elementwise)) < tolerance);
  CHECK(difference(result.mean.per_position, column_means(sums.per_position)) < tolerance);
  CHECK(difference(result.mean.per_example, column_means(per_example)) < tolerance);
  CHECK(difference(result.mean.per_batch, column_means(sums.gate).cwiseAbs()) < tolerance);
  CHECK(difference(result.gate_gradient, column_means(sums.gate)) < tolerance);
  CHECK(difference(result.standard_error.elementwise, standard_error(sums.elementwise)) < 1e-9);
  CHECK(difference(result.standard_error.per_position, standard_error(sums.per_position)) < 1e-9);
  CHECK(difference(result.standard_error.per_example, standard_error(per_example)) < 1e-9);
  CHECK(result.standard_error.per_batch.hasNaN());
  CHECK(result.examples == sums.gate.rows());
  CHECK(result.batches == 1);
  CHECK(result.tokens == sums.tokens);
}

void check_near(const ImportanceResult& a, const ImportanceResult& b) {
  constexpr double tolerance = 1e-13;
  for (const auto scores : {&ImportanceResult::mean, &ImportanceResult::standard_error})
    for (const auto score : {&ImportanceScores::elementwise, &ImportanceScores::per_position,
                             &ImportanceScores::per_example, &ImportanceScores::per_batch})
      CHECK(difference(a.*scores.*score, b.*scores.*score) < tolerance);
  CHECK(difference(a.gate_gradient, b.gate_gradient) < tolerance);
  CHECK(a.examples == b.examples);
  CHECK(a.batches == b.batches);
  CHECK(a.tokens == b.tokens);
}

/// One head of two queries that see one key, so that s is the gradient; an example a pair.
AttentionTensor<double> gates(const std::vector<std::array<double, 2>>& pairs) {
  AttentionTensor<double> s(static_cast<Index>(pairs.size()), 1, 2, 1);
  for (std::size_t b = 0; b < pairs.size(); ++b)
    for (Index i = 0; i < 2; ++i) s(static_cast<Index>(b), 0, i, 0) = pairs[b][static_cast<std::size_t>(i)];
  return s;
}
void look_at(ImportanceMeasure& measure, const std::vector<std::array<double, 2>>& pairs) {
  AttentionTensor<double> ones = gates(pairs);
  ones.setConstant(1);
  const AttentionTensor<double> gradient = gates(pairs);
  sweep(aligned(ones, gradient), measure);
}

}  // namespace

TEST_CASE("two examples by hand: 5 per position, 3 per example, 3 per batch") {
  ImportanceMeasure measure;
  look_at(measure, {{1, -1}, {2, 1}});
  const ImportanceResult result = measure.result();
  CHECK(2 * result.mean.elementwise(0) == 5);
  CHECK(2 * result.mean.per_position(0) == 5);
  CHECK(2 * result.mean.per_example(0) == 3);
  CHECK(2 * result.mean.per_batch(0) == 3);
  CHECK(result.gate_gradient(0) == 1.5);
  CHECK(result.standard_error.per_position(0) == Approx(.5));
}

TEST_CASE("a batch is what one sweep shows, and its examples may cancel") {
  ImportanceMeasure together, apart;
  look_at(together, {{3, 0}, {-1, 0}, {0, -4}});
  for (const auto& pair : {std::array{3., 0.}, {-1., 0.}, {0., -4.}}) look_at(apart, {pair});
  CHECK(together.result().mean.per_batch(0) == Approx(2. / 3));
  CHECK(together.result().batches == 1);
  CHECK(apart.result().mean.per_batch(0) == Approx(8. / 3));
  CHECK(apart.result().batches == 3);
  CHECK(apart.result().mean.per_example(0) == Approx(together.result().mean.per_example(0)));
  CHECK(apart.result().standard_error.per_batch(0) ==
        Approx(apart.result().standard_error.per_example(0)));  // batches of one example

  ImportanceMeasure two;  // of unlike sizes: 2 examples and 1
  look_at(two, {{3, 0}, {-1, 0}});
  look_at(two, {{0, -4}});
  CHECK(two.result().mean.per_batch(0) == Approx(6. / 3));
  CHECK(two.result().standard_error.per_batch(0) == Approx(2. / 3));
}

TEMPLATE_TEST_CASE("every mask equals plain loops", "", float, double) {
  for (const Mask& mask :
       {Mask{}, Mask{.causal = true}, Mask{.causal = true, .sliding_window = 17}, self_padding({601, 1, 450}),
        self_padding({300, 601, 0}, {301, 0, 7}, {.causal = true}),
        self_padding({599, 2, 400}, {2, 500, 1}, {.causal = true, .sliding_window = 40})}) {
    const Layout layout({3, 2, 601, 601}, mask);
    const auto a = test::random_attention<TestType>(layout);
    const auto g = random_gradient<TestType>(layout.shape());
    check_equals(importance(aligned(AttentionView<TestType>(a, mask), AttentionView<TestType>(g, mask))),
                 plain_sums(a, g, layout, everything));
  }
}

TEST_CASE("cross-attention of unlike precision, and weights of a cache") {
  for (const auto& [queries, keys, mask] : {std::tuple<Index, Index, Mask>{270, 31, {}},
                                            {31, 270, {}},
                                            {5, 40, {.causal = true, .query_offset = 35}}}) {
    const Layout layout({2, 3, queries, keys}, mask);
    const auto a = test::random_attention<float>(layout);
    const auto g = random_gradient<double>(layout.shape());
    check_equals(importance(aligned(AttentionView<float>(a, mask), AttentionView<double>(g, mask))),
                 plain_sums(a, g, layout, everything));
  }
}

TEST_CASE("excluded tokens are neither queries nor keys; the gradient is not renormalised") {
  const Layout layout({2, 2, 9, 9}, {.causal = true});
  const auto a = test::random_attention<double>(layout);
  const auto g = random_gradient<double>(layout.shape());
  const ExcludedTokens excluded{{{0, 4}, {8}}, {{0, 4}, {8}}, false};
  const auto keep = [&](Index b, Index i, Index j) {
    const auto& list = excluded.queries[static_cast<std::size_t>(b)];
    return std::ranges::count(list, i) == 0 && std::ranges::count(list, j) == 0;
  };
  check_equals(importance(aligned(exclude_tokens(AttentionView<double>(a, layout.mask()), excluded),
                                  exclude_tokens(AttentionView<double>(g, layout.mask()), excluded))),
               plain_sums(a, g, layout, keep));
}

TEST_CASE("one thread and eight give the same bits, and a batch pools its examples") {
  const auto a = test::random_attention<float>(Layout({3, 3, 601, 601}));
  const auto g = random_gradient<float>({3, 3, 601, 601});
  const ImportanceResult one = importance(aligned(a, g), {.threads = 1}),
                         eight = importance(aligned(a, g), {.threads = 8});
  CHECK(one.mean.per_position == eight.mean.per_position);
  CHECK(one.mean.per_batch == eight.mean.per_batch);
  CHECK(one.standard_error.per_example == eight.standard_error.per_example);

  EachExample each{ImportanceMeasure()};
  sweep(aligned(a, g), each);
  CHECK(each.result().size() == 3);
  for (const ImportanceResult& example : each.result()) {
    CHECK(example.examples == 1);
    CHECK(example.batches == 1);
    CHECK(example.mean.per_example == example.mean.per_batch);
  }
  check_near(each.pooled(), one);
}

TEST_CASE("partial measures merge in any grouping, wherever they were cut") {
  const auto a = test::random_attention<double>(Layout({3, 2, 6, 6}));
  const auto g = random_gradient<double>({3, 2, 6, 6});
  const AttentionView<double> attention(a), gradient(g);
  std::vector<ImportanceMeasure> parts;
  for (int batch = 0; batch < 2; ++batch)
    for (Index b = 0; b < 3; ++b)
      for (Index i = 0; i < 6; i += 2) {
        auto left = attention.reader(), right = gradient.reader();
        const auto rows = left.read(b, {i, i + 2}), beside = right.read(b, {i, i + 2});
        ImportanceMeasure& part = parts.emplace_back();
        Multiplier<double, double> multiplier;
        for (Index h = 0; h < 2; ++h)
          part.look(multiplier.of(rows.head(h), rows.head(h), beside.head(h), beside.head(h)));
      }
  ImportanceMeasure whole;
  sweep(aligned(a, g), whole);
  sweep(aligned(a, g), whole);
  CHECK(whole.result().batches == 2);

  for (const std::size_t width : {1u, 2u, 4u, 5u, 7u, 18u}) {
    ImportanceMeasure total;
    for (std::size_t first = 0; first < parts.size(); first += width) {
      ImportanceMeasure some;
      for (std::size_t i = first; i < std::min(first + width, parts.size()); ++i) {
        some.merge(ImportanceMeasure(parts[i]));
        some.merge(ImportanceMeasure());
      }
      total.merge(std::move(some));
    }
    check_near(total.result(), whole.result());
  }
}

TEST_CASE("elementwise >= per position >= per example >= per batch, whatever the batches") {
  ImportanceMeasure measure;
  const auto at_least = [](const Eigen::VectorXd& larger, const Eigen::VectorXd& smaller) {
    return (larger.array() * (1 + 1e-12) >= smaller.array()).all();
  };
  for (unsigned batch = 0; batch < 5; ++batch) {
    const auto a = test::random_attention<float>(Layout({3, 4, 12, 12}), batch);
    const auto g = random_gradient<float>({3, 4, 12, 12}, 100 + batch);
    sweep(aligned(a, g), measure);
    const ImportanceScores& mean = measure.result().mean;
    CHECK(at_least(mean.elementwise, mean.per_position));
    CHECK(at_least(mean.per_position, mean.per_example));
    CHECK(at_least(mean.per_example, mean.per_batch));
    CHECK(at_least(mean.per_batch, measure.result().gate_gradient.cwiseAbs()));
  }
  const ImportanceResult result = measure.result();  // and they are four, not one
  CHECK(result.mean.elementwise.sum() > 1.1 * result.mean.per_position.sum());
  CHECK(result.mean.per_position.sum() > 1.1 * result.mean.per_example.sum());
  CHECK(result.mean.per_example.sum() > 1.02 * result.mean.per_batch.sum());
}

TEST_CASE("the gate gradient is the derivative of the loss by a gate on the head") {
  // Three heads, loss |sum_h gate_h A_h V_h O_h - Y|^2 / 2: a parabola in every gate, so that central
  // differences are exact.
  const auto a = test::random_attention<double>(Layout({1, 3, 7, 7}));
  const AttentionView<double> view(a);
  std::srand(3);
  std::vector<Eigen::MatrixXd> heads, outputs;
  for (Index h = 0; h < 3; ++h) {
    heads.emplace_back(Eigen::MatrixXd::Random(7, 4));    // values
    outputs.emplace_back(Eigen::MatrixXd::Random(4, 5));  // output projection
  }
  const Eigen::MatrixXd target = Eigen::MatrixXd::Random(7, 5);
  const auto map = [&](Index h) {
    return Eigen::Map<const Eigen::Matrix<double, 7, 7, Eigen::RowMajor>>(a.data() + 49 * h);
  };
  const auto error = [&](const Eigen::Vector3d& gate) {
    Eigen::MatrixXd sum = -target;
    for (Index h = 0; h < 3; ++h)
      sum += gate(h) * map(h) * heads[static_cast<std::size_t>(h)] * outputs[static_cast<std::size_t>(h)];
    return sum;
  };
  const Eigen::MatrixXd at_one = error(Eigen::Vector3d::Ones());
  AttentionTensor<double> gradient(1, 3, 7, 7);
  for (Index h = 0; h < 3; ++h)
    Eigen::Map<Eigen::Matrix<double, 7, 7, Eigen::RowMajor>>(gradient.data() + 49 * h) =
        at_one * outputs[static_cast<std::size_t>(h)].transpose() *
        heads[static_cast<std::size_t>(h)].transpose();
  const ImportanceResult result = importance(aligned(view, gradient));
  for (Index h = 0; h < 3; ++h) {
    const Eigen::Vector3d step = .25 * Eigen::Vector3d::Unit(h);
    const double more = error(Eigen::Vector3d::Ones() + step).squaredNorm() / 2;
    const double less = error(Eigen::Vector3d::Ones() - step).squaredNorm() / 2;
    CHECK(result.gate_gradient(h) == Approx((more - less) / .5).epsilon(1e-10));
    // s of each query: the head's output times the loss's gradient there.
    const Eigen::MatrixXd output = map(h) * heads[static_cast<std::size_t>(h)];
    const Eigen::MatrixXd there = at_one * outputs[static_cast<std::size_t>(h)].transpose();
    CHECK(result.mean.per_position(h) ==
          Approx(output.cwiseProduct(there).rowwise().sum().cwiseAbs().sum()).epsilon(1e-12));
  }
}

TEST_CASE("real gradients give the numbers of the independent script") {
  std::ifstream reference(ATTNSCOPE_TEST_DIR "/heads/data/importance.txt");
  int compared = 0;
  for (const char* path : {ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors",
                           ATTNSCOPE_TEST_DIR "/data/use_lite_alice.safetensors",
                           ATTNSCOPE_TEST_DIR "/data/induction_batch.safetensors"}) {
    const TensorFile file = read_safetensors(path);
    for (Index layer = 0; layer < 2; ++layer) {
      const auto tensor = [&](const char* field) {
        return *file.find(fmt::format("self.{}.{}", layer, field));
      };
      const auto a = elements<float>(tensor("attention")), g = elements<float>(tensor("attention_gradient"));
      const std::vector<Index> shape = tensor("attention").shape;
      const Layout layout({shape[0], shape[1], shape[2], shape[3]},
                          {.causal = file.metadata.at("causal") == "true"});
      const ImportanceResult result =
          importance(aligned(AttentionView<float>(a.get(), layout), AttentionView<float>(g.get(), layout)));
      for (Index h = 0; h < 4; ++h) {
        std::string name, text;
        Index its_layer = -1, head = -1, examples = 0, tokens = 0;
        REQUIRE(reference >> name >> its_layer >> head >> examples >> tokens);
        REQUIRE(std::string(path).find(name) != std::string::npos);
        REQUIRE(its_layer == layer);
        REQUIRE(head == h);
        CHECK(result.examples == examples);
        CHECK(result.tokens == tokens);
        for (const Eigen::VectorXd* numbers :
             {&result.mean.elementwise, &result.mean.per_position, &result.mean.per_example,
              &result.mean.per_batch, &result.gate_gradient, &result.standard_error.elementwise,
              &result.standard_error.per_position, &result.standard_error.per_example}) {
          reference >> text;  // not a double: streams do not read nan
          const double expected = std::stod(text);
          if (std::isnan(expected))
            CHECK(std::isnan((*numbers)(h)));
          else
            CHECK((*numbers)(h) == Approx(expected).epsilon(1e-9));
          ++compared;
        }
      }
    }
  }
  CHECK(compared == 3 * 2 * 4 * 8);
}

TEST_CASE("a gradient where the attention is 0 does not count") {
  const Eigen::Matrix2d a{{1, 0}, {.5, .5}}, g{{2, 1e30}, {1, -1}};
  const ImportanceResult result = importance(aligned(a, g));
  CHECK(result.mean.elementwise(0) == 3);
  CHECK(result.mean.per_position(0) == 2);
  const Eigen::Matrix2d infinite{{2, std::numeric_limits<double>::infinity()}, {1, -1}};
  CHECK(message_of<ValueError>([&] { importance(aligned(a, infinite)); }) ==
        "beside the attention: batch element 0, head 0, query 0, key 1: the weight is inf");
  const Mask causal{.causal = true};
  CHECK(importance(aligned(AttentionView(a, causal), AttentionView(infinite, causal))).mean.elementwise(0) ==
        3);
}

TEMPLATE_TEST_CASE("attention that cannot be is named before its gradient", "", float, double) {
  using Matrix = Eigen::Matrix<TestType, 2, 2>;
  const Matrix negative{{1, 0}, {TestType(1.25), TestType(-.25)}}, logits{{1, 0}, {3, 4}};
  const Matrix none{{1, 0}, {0, std::numeric_limits<TestType>::quiet_NaN()}};
  const auto message = [&](const Matrix& attention, const Matrix& gradient) {
    return message_of<ValueError>([&] { importance(aligned(attention, gradient)); });
  };
  CHECK(message(negative, none) == "batch element 0, head 0, query 1, key 1: the weight -0.25 is negative");
  CHECK(message(none, none) == "batch element 0, head 0, query 1, key 1: the weight is nan");
  CHECK(message(logits, none) ==
        "batch element 0, head 0, query 1: the weights sum to 7, more than 1 (logits, or dropout in "
        "training?)");
  CHECK(message(Matrix::Identity(), none) ==
        "beside the attention: batch element 0, head 0, query 1, key 1: the weight is nan");
}

TEST_CASE("terms of either sign cancel without a trace") {
  AttentionTensor<float> a(1, 1, 1, 2000), g(1, 1, 1, 2000);
  a.setConstant(1 / 2000.f);
  for (Index j = 0; j < 2000; ++j) g(0, 0, 0, j) = (j % 2 == 0 ? 1 : -1) * (1e6f + static_cast<float>(j / 2));
  const ImportanceResult result = importance(aligned(a, g));
  CHECK(std::abs(result.gate_gradient(0)) < 1e-9);
  CHECK(result.mean.elementwise(0) > 1e6);
}

TEST_CASE("a constant gradient, one head and token, no tokens, no heads") {
  const auto a = test::random_attention<double>(Layout({2, 2, 5, 5}));
  AttentionTensor<double> constant(2, 2, 5, 5);
  constant.setConstant(-.5);
  const ImportanceResult all = importance(aligned(a, constant));
  for (const Eigen::VectorXd* scores :
       {&all.mean.elementwise, &all.mean.per_position, &all.mean.per_example, &all.mean.per_batch})
    CHECK(difference(*scores, Eigen::Vector2d(2.5, 2.5)) < 1e-14);
  CHECK(all.standard_error.elementwise.norm() < 1e-14);

  const Eigen::Matrix<double, 1, 1> one{{1.}}, three{{-3.}};
  const ImportanceResult single = importance(aligned(one, three));
  CHECK(single.mean.per_batch(0) == 3);
  CHECK(single.gate_gradient(0) == -3);
  CHECK(std::isnan(single.standard_error.elementwise(0)));
  CHECK(single.tokens == 1);

  const Mask padding = self_padding({0, 5});  // an example without tokens is an example all the same
  const ImportanceResult padded =
      importance(aligned(AttentionView<double>(a, padding), AttentionView<double>(constant, padding)));
  CHECK(padded.examples == 2);
  CHECK(padded.tokens == 5);
  CHECK(padded.mean.elementwise(0) == Approx(1.25));
  CHECK(ImportanceMeasure().result().mean.elementwise.size() == 0);
  const AttentionTensor<double> headless(1, 0, 3, 3);
  CHECK(importance(aligned(headless, headless)).examples == 0);
}

TEST_CASE("heads that do not fit together are refused, and nothing has changed") {
  const auto two = test::random_attention<double>(Layout({1, 2, 3, 3})),
             three = test::random_attention<double>(Layout({1, 3, 3, 3}));
  CHECK(message_of<ShapeError>([&] { importance(aligned(two, three)); }) ==
        "3 heads beside 2: a measure pairs them");
  ImportanceMeasure measure;
  sweep(aligned(two, two), measure);
  CHECK(message_of<ShapeError>([&] { sweep(aligned(three, three), measure); }) ==
        "cannot pool the importance of 2 heads and of 3");
  CHECK(measure.result().examples == 1);
}

TEST_CASE("importance a token, the last layer by examples where Michel et al. do so") {
  const HeadScores scores{Eigen::Vector2d(1, 2), Eigen::Vector3d(3, 4, 5)};
  const HeadScores by_token = importance_per_token(scores, 4, 100);
  CHECK(by_token[0].isApprox(Eigen::Vector2d(.04, .08)));
  CHECK(by_token[1].isApprox(Eigen::Vector3d(.12, .16, .2)));
  const HeadScores michel = importance_per_token(scores, 4, 100, true);
  CHECK(michel[0] == by_token[0]);
  CHECK(michel[1] == scores[1]);
  CHECK(importance_per_token({}, 1, 1, true).empty());
  CHECK(message_of<ValueError>([&] { importance_per_token(scores, 4, 0); }) ==
        "importance of 4 examples with 0 tokens");
}

TEST_CASE("every layer by its norm; all layers between 0 and 1") {
  const HeadScores scores{Eigen::Vector2d(3, 4), Eigen::Vector3d(0, 0, 0), Eigen::VectorXd::Constant(1, -7),
                          Eigen::VectorXd()};
  const HeadScores by_layer = l2_normalized_by_layer(scores);
  CHECK(by_layer[0].isApprox(Eigen::Vector2d(.6, .8)));
  CHECK(by_layer[1].isZero());
  CHECK(by_layer[2](0) == -1);
  const HeadScores range = min_max_normalized(scores);
  CHECK(range[0].isApprox(Eigen::Vector2d(10. / 11, 1)));
  CHECK(range[1].isApprox(Eigen::Vector3d::Constant(7. / 11)));
  CHECK(range[2](0) == 0);
  CHECK(range[3].size() == 0);
  CHECK(min_max_normalized({Eigen::Vector2d(5, 5)})[0].isZero());
  CHECK(min_max_normalized({}).empty());
}

TEST_CASE("a head that was removed stays out of the normalisation") {
  const HeadScores scores{Eigen::Vector3d(3, undefined, 4), Eigen::Vector2d(undefined, undefined)};
  const HeadScores by_layer = l2_normalized_by_layer(scores), range = min_max_normalized(scores);
  CHECK(difference(by_layer[0], Eigen::Vector3d(.6, undefined, .8)) < 1e-15);
  CHECK(difference(range[0], Eigen::Vector3d(0, undefined, 1)) < 1e-15);
  CHECK(by_layer[1].array().isNaN().all());
  CHECK(range[1].array().isNaN().all());
}
