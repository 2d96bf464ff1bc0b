// The mechanism, proved on all head measures at once: every source, mask and scalar against plain loops.
#include <attnscope/attnscope.hpp>

#include <atomic>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::difference;

namespace {

struct Everything {
  EntropyMeasure entropy{{.per_query = true}};
  ConfidenceMeasure confidence;
  LocalityMeasure locality;
  ReceivedMeasure received;
  SinkMeasure sink;
  HeadSimilarityMeasure similarity;

  template <typename A>
  void sweep(const A& attention, const SweepOptions& how = {}) {
    attnscope::sweep(attention, how, entropy, confidence, locality, received, sink, similarity);
  }
  /// Nobody compares heads in the first of two sweeps, which may go along one after the other.
  template <typename A>
  void sweep_apart(const A& attention) {
    attnscope::sweep(attention, entropy, confidence, locality, received, sink);
    attnscope::sweep(attention, similarity);
  }
};

/// Behind AnyAttention, so that the sweep is compiled twice and not once a kind of source.
template <typename A>
Everything everything(const A& attention, int threads = 0) {
  Everything all;
  all.sweep(AnyAttention<typename SourceOf<A>::Weight>(source_of(attention)), {.threads = threads});
  return all;
}

template <typename A>
Everything everything_apart(const A& attention) {
  Everything all;
  all.sweep_apart(AnyAttention<typename SourceOf<A>::Weight>(source_of(attention)));
  return all;
}

void check_equals(const Everything& all, const test::PlainLoops& loops, double tolerance) {
  CHECK(difference(all.entropy.result().entropies, loops.entropies) < tolerance);
  CHECK(difference(all.entropy.result().normalized_entropies, loops.normalized) < tolerance);
  CHECK(difference(all.confidence.result().confidence, loops.confidence) < tolerance);
  CHECK(difference(all.locality.result().locality, loops.locality) < tolerance);
  CHECK(difference(all.locality.result().mean_distance, loops.distance) < tolerance);
  CHECK(std::abs(all.locality.result().uniform_locality - loops.uniform) < tolerance);
  CHECK(difference(all.sink.result().sink_mass, loops.sink) < tolerance);
  CHECK(difference(all.similarity.result().similarity_matrix, loops.cosine) < tolerance);
  const auto rows = all.entropy.result().per_query;
  const auto received = all.received.result().received;
  REQUIRE(rows.size() == loops.rows.size());
  REQUIRE(received.size() == loops.received.size());
  for (std::size_t b = 0; b < rows.size(); ++b) {
    CHECK(difference(rows[b], loops.rows[b]) < tolerance);
    CHECK(difference(received[b], loops.received[b]) < tolerance);
  }
}

void check_same_bits(const Everything& a, const Everything& b) {
  CHECK(a.entropy.result().entropies == b.entropy.result().entropies);
  CHECK(a.confidence.result().confidence == b.confidence.result().confidence);
  CHECK(a.locality.result().mean_distance == b.locality.result().mean_distance);
  CHECK(a.sink.result().sink_mass == b.sink.result().sink_mass);
  CHECK(a.similarity.result().similarity_matrix == b.similarity.result().similarity_matrix);
  CHECK(a.received.result().received == b.received.result().received);
  CHECK(a.entropy.result().per_query == b.entropy.result().per_query);
}

/// 601 tokens: several tasks an example, none of them round, so that merging is at work.
const std::vector<Mask> masks{
    {},
    {.causal = true},
    {.causal = true, .sliding_window = 17},
    self_padding({601, 1, 450}),
    self_padding({300, 601, 0}, {301, 0, 7}, {.causal = true}),
    self_padding({599, 2, 400}, {2, 500, 1}, {.causal = true, .sliding_window = 40})};

}  // namespace

TEMPLATE_TEST_CASE("every measure on every mask equals plain loops", "", float, double, Eigen::half,
                   Eigen::bfloat16) {
  const double tolerance = std::is_same_v<TestType, double> ? 1e-12 : 2e-6;
  for (const Mask& mask : masks) {
    const Layout layout({3, 3, 601, 601}, mask);
    const auto a = test::random_attention<TestType>(layout);
    const test::PlainLoops loops = test::plain_loops(a, layout);
    check_equals(everything(AttentionView<TestType>(a, mask)), loops, tolerance);
    check_equals(everything_apart(AttentionView<TestType>(a, mask)), loops, tolerance);
  }
}

TEST_CASE("float, half and bfloat16 agree with double within their precision") {
  const auto exact = test::random_attention<double>(Layout({2, 3, 300, 300}));
  const Eigen::VectorXd entropies = entropy(exact).entropies;
  const Eigen::MatrixXd cosine = head_similarity(exact).similarity_matrix;
  const auto check = [&](const auto& rounded, double tolerance) {
    const double error = difference(entropy(rounded).entropies, entropies);
    CHECK(error < tolerance);
    CHECK(error > 0);
    CHECK(difference(head_similarity(rounded).similarity_matrix, cosine) < tolerance);
  };
  check(AttentionTensor<float>(exact.cast<float>()), 1e-6);
  check(AttentionTensor<Eigen::half>(exact.cast<Eigen::half>()), 1e-3);
  check(AttentionTensor<Eigen::bfloat16>(exact.cast<Eigen::bfloat16>()), 1e-2);
}

TEST_CASE("more queries than keys, and the other way round") {
  for (const Shape& shape : {Shape{2, 3, 270, 31}, Shape{2, 3, 31, 270}}) {
    const Layout layout(shape);
    const auto a = test::random_attention<float>(layout);
    check_equals(everything(a), test::plain_loops(a, layout), 2e-6);
  }
}

TEST_CASE("one thread and eight give the same bits") {
  for (const Mask& mask : masks) {
    const auto a = test::random_attention<float>(Layout({3, 3, 601, 601}, mask));
    const AttentionView<float> view(a, mask);
    check_same_bits(everything(view, 1), everything(view, 8));
  }
}

TEST_CASE("alone and together give the same bits") {
  const auto a = test::random_attention<float>(Layout({2, 3, 601, 601}));
  const Everything all = everything(a);
  CHECK(entropy(a).entropies == all.entropy.result().entropies);
  CHECK(confidence(a).confidence == all.confidence.result().confidence);
  CHECK(locality(a).mean_distance == all.locality.result().mean_distance);
  CHECK(sink(a).sink_mass == all.sink.result().sink_mass);
  CHECK(head_similarity(a).similarity_matrix == all.similarity.result().similarity_matrix);
  const auto received = received_attention(a).received;
  for (std::size_t b = 0; b < received.size(); ++b)  // whose sums run over other rows at a time
    CHECK(difference(received[b], all.received.result().received[b]) < 1e-5);
}

TEST_CASE("a batch equals its elements one by one, and a corpus of unlike lengths its pooled rows") {
  const Mask mask = self_padding({601, 1, 450});
  const Layout layout({3, 3, 601, 601}, mask);
  const auto a = test::random_attention<float>(layout);
  const AttentionView<float> batch(a, mask);
  Everything corpus;
  for (Index b = 0; b < 3; ++b) corpus.sweep(batch.example(b));
  check_equals(corpus, test::plain_loops(a, layout), 2e-6);

  EachExample each{EntropyMeasure()};
  sweep(batch, each);
  REQUIRE(each.result().size() == 3);
  for (Index b = 0; b < 3; ++b)
    CHECK(each.result()[static_cast<std::size_t>(b)].entropies == entropy(batch.example(b)).entropies);
  CHECK(difference(each.pooled().entropies, entropy(batch).entropies) < 1e-14);
}

TEST_CASE("merged measures equal the whole, and the empty one is neutral") {
  const auto a = test::random_attention<float>(Layout({4, 2, 300, 300}));
  const AttentionView<float> view(a);
  const Everything whole = everything(view);
  EntropyMeasure left, right;
  sweep(view.example(0), left);
  sweep(view.example(1), left);
  sweep(view.example(2), right);
  sweep(view.example(3), right);
  left.merge(EntropyMeasure());
  EntropyMeasure total;
  total.merge(std::move(left));
  total.merge(std::move(right));
  CHECK(difference(total.result().entropies, whole.entropy.result().entropies) < 1e-14);
  CHECK(total.result().queries == 1200);
}

TEST_CASE("padded equals trimmed, left-padded equals right-padded") {
  const Layout trimmed({1, 3, 450, 450}, {.causal = true});
  const auto a = test::random_attention<float>(trimmed);
  for (const Index start : {0, 61, 150}) {
    AttentionTensor<float> padded(1, 3, 600, 600);
    padded.setConstant(std::numeric_limits<float>::infinity());
    padded.slice(std::array<Index, 4>{0, 0, start, start}, std::array<Index, 4>{1, 3, 450, 450}) = a;
    check_equals(everything(AttentionView<float>(padded, self_padding({450}, {start}, {.causal = true}))),
                 test::plain_loops(a, trimmed), 2e-6);
  }
}

namespace {

/// The few lines of a measure that serve every source: the mean of the largest product of a row with its
/// companion.
struct ProductMeasure {
  RowMean mean;
  ProductMeasure empty() const { return {}; }
  template <typename A, typename B>
  void look(const HeadRows<A>& rows, const HeadRows<B>& gradient) {
    const Eigen::ArrayXXd products =
        rows.matrix().template cast<double>().array() * gradient.matrix().template cast<double>().array();
    RowMean::Head of_head = mean.of(rows);
    for (Index r = 0; r < rows.size(); ++r) of_head.add(products.row(r).abs().sum());
  }
  void merge(ProductMeasure&& later) { mean.merge(later.mean); }
  Eigen::VectorXd result() const { return mean.mean(); }
};

/// All heads of one source against all heads of another.
struct CrossGram {
  Eigen::MatrixXd gram;
  CrossGram empty() const { return {}; }
  template <typename A, typename B>
  void look(const Block<A>& a, const Block<B>& b) {
    for (Index r = 0; r < a.size(); ++r) {
      const Eigen::MatrixXd part =
          a.across_heads(r).template cast<double>() * b.across_heads(r).template cast<double>().transpose();
      add_to(gram, part);
    }
  }
  void merge(CrossGram&& later) { add_to(gram, later.gram); }
  Eigen::MatrixXd result() const { return gram; }
};

}  // namespace

TEST_CASE("a gradient beside the weights, while other measures look at the weights alone") {
  const Mask mask = self_padding({601, 1, 450}, {}, {.causal = true});
  const Layout layout({3, 2, 601, 601}, mask);
  const auto a = test::random_attention<float>(layout, 1);
  auto gradient = test::random_attention<double>(Layout({3, 2, 601, 601}), 2);
  gradient = gradient - 0.5;  // signed, and not 0 where it is masked
  ProductMeasure product;
  EntropyMeasure entropies;
  sweep(aligned(AttentionView<float>(a, mask), AttentionView<double>(gradient, mask)), product, entropies);

  Eigen::Vector2d expected(0, 0);
  for (Index b = 0; b < 3; ++b)
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < layout.queries(b); ++i)
        for (Index j = 0; j <= i; ++j)
          expected(h) += std::abs(static_cast<double>(a(b, h, i, j)) * gradient(b, h, i, j));
  CHECK(difference(product.result(), expected / 1052) < 1e-12);
  // Beside a companion a block has fewer rows, and so fewer keys: a row's last vector begins elsewhere.
  const Eigen::MatrixXd alone = entropy(AttentionView<float>(a, mask)).entropies;
  CHECK(difference(entropies.result().entropies, alone) < 1e-7);
}

TEST_CASE("two layers of unlike head counts side by side") {
  const auto a = test::random_attention<float>(Layout({2, 3, 40, 40}), 1);
  const auto b = test::random_attention<float>(Layout({2, 5, 40, 40}), 2);
  CrossGram cross;
  sweep(aligned(a, b), cross);
  REQUIRE(cross.gram.rows() == 3);
  REQUIRE(cross.gram.cols() == 5);
  double expected = 0;
  for (Index e = 0; e < 2; ++e)
    for (Index i = 0; i < 40; ++i)
      for (Index j = 0; j < 40; ++j)
        expected += static_cast<double>(a(e, 2, i, j)) * static_cast<double>(b(e, 4, i, j));
  CHECK(cross.gram(2, 4) == Approx(expected).epsilon(1e-12));
  ProductMeasure pairs;
  CHECK(message_of<ShapeError>([&] { sweep(aligned(a, b), pairs); }) ==
        "5 heads beside 3: a measure pairs them");
}

TEST_CASE("sources that do not belong together are refused") {
  const auto a = test::random_attention<float>(Layout({2, 1, 4, 4}));
  const auto longer = test::random_attention<float>(Layout({2, 1, 5, 5}));
  const auto fewer = test::random_attention<float>(Layout({1, 1, 4, 4}));
  const AttentionView<float> causal(a, {.causal = true});
  const AttentionView<float> shifted(a, {.query_offset = 1});
  CHECK(message_of<ShapeError>([&] { aligned(a, fewer); }) == "aligned sources have 2 and 1 batch elements");
  CHECK(message_of<ShapeError>([&] { aligned(a, longer); }) ==
        "batch element 0: aligned sources have 4 x 4 and 5 x 5 true tokens");
  CHECK_THAT(message_of<ShapeError>([&] { aligned(a, causal); }),
             ContainsSubstring("hide different weights"));
  CHECK_THAT(message_of<ShapeError>([&] { aligned(a, shifted); }),
             ContainsSubstring("stands at key 0 and 1"));
}

TEST_CASE("an example without rows still has its place") {
  const Mask mask = self_padding({0, 3});
  const auto a = test::random_attention<float>(Layout({2, 2, 3, 3}, mask));
  const auto received = received_attention(AttentionView<float>(a, mask)).received;
  REQUIRE(received.size() == 2);
  CHECK(received[0].cols() == 0);
  CHECK(received[1].cols() == 3);
}

TEST_CASE("all padding, no heads, no batch: undefined, not a crash") {
  const Mask padding = self_padding({0});
  const auto a = test::random_attention<float>(Layout({1, 2, 3, 3}, padding));
  const auto result = entropy(AttentionView<float>(a, padding));
  CHECK(result.queries == 0);
  CHECK(result.entropies.hasNaN());
  CHECK(entropy(AttentionTensor<float>(1, 0, 3, 3)).entropies.size() == 0);
  CHECK(entropy(AttentionTensor<float>(0, 2, 3, 3)).queries == 0);
  CHECK(entropy(AttentionTensor<float>(1, 2, 0, 0)).queries == 0);
  CHECK(received_attention(AttentionTensor<float>(1, 2, 0, 4)).received[0].isZero());
}

TEST_CASE("weights that are no attention are named with their place, and leave every measure as it was") {
  auto a = test::random_attention<float>(Layout({2, 3, 300, 300}));
  EntropyMeasure kept;
  const auto message = [&](float weight) {
    const float before = a(1, 2, 270, 5);
    a(1, 2, 270, 5) = weight;
    const std::string text = message_of<ValueError>([&] { sweep(a, {.threads = 3}, kept); });
    a(1, 2, 270, 5) = before;
    return text;
  };
  CHECK(message(std::nanf("")) == "batch element 1, head 2, query 270, key 5: the weight is nan");
  CHECK(message(-0.25f) == "batch element 1, head 2, query 270, key 5: the weight -0.25 is negative");
  CHECK(message(std::numeric_limits<float>::infinity()) ==
        "batch element 1, head 2, query 270, key 5: the weight is inf");
  CHECK_THAT(message(4.f), ContainsSubstring("batch element 1, head 2, query 270: the weights sum to 4.9"));
  CHECK(kept.result().queries == 0);
  sweep(a, kept);
  CHECK(kept.result().queries == 600);
}

TEST_CASE("every head of a companion is checked, and no other, where no measure pairs them") {
  const auto attention = test::random_attention<float>(Layout({1, 2, 4, 4}));
  auto companion = test::random_attention<float>(Layout({1, 3, 4, 4}));
  companion(0, 2, 1, 3) = std::numeric_limits<float>::quiet_NaN();
  EntropyMeasure entropies;
  CHECK_THROWS_WITH(sweep(aligned(attention, companion), entropies),
                    "beside the attention: batch element 0, head 2, query 1, key 3: the weight is nan");
  companion(0, 1, 1, 3) = std::numeric_limits<float>::quiet_NaN();
  const AttentionView<float> one = AttentionView<float>(companion).heads(0, 1);
  CHECK_NOTHROW(sweep(aligned(attention, one), entropies));
}

TEST_CASE("a companion may be negative, but must be finite") {
  const auto a = test::random_attention<float>(Layout({1, 1, 20, 20}), 1);
  auto gradient = a;
  gradient(0, 0, 3, 4) = -7;
  ProductMeasure product;
  sweep(aligned(a, gradient), product);
  gradient(0, 0, 3, 4) = std::nanf("");
  CHECK(message_of<ValueError>([&] { sweep(aligned(a, gradient), product); }) ==
        "beside the attention: batch element 0, head 0, query 3, key 4: the weight is nan");
}

TEST_CASE("rows may sum below one, and RowCheck lifts the rest") {
  AttentionTensor<float> a(1, 1, 2, 2);
  a.setConstant(0.2f);
  CHECK(confidence(a).confidence(0) == Approx(0.2));
  a.setConstant(-3);
  CHECK_THROWS_AS(confidence(a), ValueError);
  CHECK(confidence(a, {.check = RowCheck::finite}).confidence(0) == -3);
  a.setConstant(std::nanf(""));
  CHECK_THROWS_AS(confidence(a, {.check = RowCheck::finite}), ValueError);
  CHECK_NOTHROW(confidence(a, {.check = RowCheck::none}));
}

TEST_CASE("progress counts every row in order, and false stops with nothing changed") {
  const auto a = test::random_attention<float>(Layout({3, 2, 600, 600}));
  std::vector<Index> seen;
  const auto count = [&](Index done, Index total) {
    CHECK(total == 1800);
    seen.push_back(done);
    return true;
  };
  EntropyMeasure kept;
  sweep(a, {.threads = 4, .progress = count}, kept);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.back() == 1800);
  const auto before = kept.result().entropies;
  CHECK_THROWS_AS(sweep(a, {.progress = [](Index done, Index) { return done < 900; }}, kept), Stopped);
  CHECK(kept.result().entropies == before);
}

TEST_CASE("an exception of a measure or of the callback reaches the caller") {
  struct Refuses {
    Refuses empty() const { return {}; }
    void look(const HeadRows<float>& rows) {
      if (rows.query(0) > 400) throw std::runtime_error("seen enough");
    }
    void merge(Refuses&&) {}
    int result() const { return 0; }
  } refuses;
  const auto a = test::random_attention<float>(Layout({2, 2, 600, 600}));
  CHECK_THROWS_WITH(sweep(a, {.threads = 4}, refuses), "seen enough");
  EntropyMeasure kept;
  const auto fails = [](Index, Index) -> bool { throw std::runtime_error("no terminal"); };
  CHECK_THROWS_WITH(sweep(a, {.threads = 4, .progress = fails}, kept), "no terminal");
}

TEST_CASE("heads of two models cannot be pooled") {
  const auto a = test::random_attention<float>(Layout({1, 2, 5, 5})),
             b = test::random_attention<float>(Layout({1, 3, 5, 5}));
  EntropyMeasure measure;
  sweep(a, measure);
  const auto before = measure.result().entropies;
  CHECK_THAT(message_of<ShapeError>([&] { sweep(b, measure); }), ContainsSubstring("different heads?"));
  CHECK(measure.result().entropies == before);
}
