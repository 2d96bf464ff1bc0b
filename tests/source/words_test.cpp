#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/source/aligned.hpp>
#include <attnscope/source/any.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/source/query_key.hpp>
#include <attnscope/source/words.hpp>

#include "support/catch.hpp"
#include "support/pattern.hpp"

using namespace attnscope;
using Words = std::vector<Index>;

namespace {

const Eigen::Matrix3d A{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}};

/// Numbers of make_words.py, [head of [query word x key word]] of two heads.
std::vector<Eigen::MatrixXd> two_heads(Index queries, Index keys, const std::vector<double>& numbers) {
  using Numbers = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
  REQUIRE(static_cast<Index>(numbers.size()) == 2 * queries * keys);
  return {Numbers(numbers.data(), queries, keys), Numbers(numbers.data() + queries * keys, queries, keys)};
}
double difference(const std::vector<Eigen::MatrixXd>& a, const std::vector<Eigen::MatrixXd>& b) {
  double most = a.size() == b.size() ? 0 : 1;
  for (std::size_t h = 0; h < std::min(a.size(), b.size()); ++h)
    most = std::max(most, test::difference(a[h], b[h]));
  return most;
}

/// Words of one to three tokens.
Words random_words(Index tokens, unsigned seed) {
  std::mt19937 generator(seed);
  Words words;
  for (Index word = 0; static_cast<Index>(words.size()) < tokens; ++word)
    words.insert(words.end(), 1 + generator() % 3, word);
  words.resize(static_cast<std::size_t>(tokens));
  return words;
}

/// The mean of rows, loop by loop: [query word x key word], rows of `hidden` queries left out.
Eigen::MatrixXd plain_words(const Eigen::MatrixXd& map, const Words& queries, const Words& keys,
                            const std::vector<Index>& hidden = {}) {
  const Index first = queries.front();
  Eigen::MatrixXd words = Eigen::MatrixXd::Zero(queries.back() + 1 - first, keys.back() + 1);
  Eigen::VectorXd pieces = Eigen::VectorXd::Zero(words.rows());
  for (Index i = 0; i < map.rows(); ++i) {
    if (std::count(hidden.begin(), hidden.end(), i)) continue;
    const Index word = queries[static_cast<std::size_t>(i)] - first;
    pieces(word) += 1;
    for (Index j = 0; j < map.cols(); ++j) words(word, keys[static_cast<std::size_t>(j)]) += map(i, j);
  }
  return pieces.cwiseMax(1).cwiseInverse().asDiagonal() * words;
}

}  // namespace

TEST_CASE("keys of a word are summed, its rows averaged, or the first or the largest taken") {
  const WordIndices words{{0, 1, 1}};
  CHECK(head_maps(merge_words(A, words))[0].isApprox(Eigen::Matrix2d{{.5, .5}, {.175, .825}}));
  CHECK(head_maps(merge_words(A, words, {.rows = PieceRows::first}))[0].isApprox(
      Eigen::Matrix2d{{.5, .5}, {.1, .9}}));
  CHECK(head_maps(merge_words(A, words, {.rows = PieceRows::max}))[0].isApprox(
      Eigen::Matrix2d{{.5, .5}, {.2173913043, .7826086957}}, 1e-9));
}

TEST_CASE("words against numpy: causal with padding on the left, with a cache, across") {
  const WordIndices words{{0, 1, 1, 2, 2, 2, 3}, {0, 1, 1, 1, 1, 2, 2}};
  const Mask padded = self_padding({7, 7}, {2, 1}, {.causal = true});
  const auto causal = test::pattern(Layout({2, 2, 9, 9}, padded));
  const AttentionView<double> view(causal, padded);
  CHECK(difference(head_maps(merge_words(view, words)), two_heads(4, 4,
                                                                  {1,
                                                                   0,
                                                                   0,
                                                                   0,
                                                                   0.340909090909,
                                                                   0.659090909091,
                                                                   0,
                                                                   0,
                                                                   0.200142450142,
                                                                   0.391025641026,
                                                                   0.408831908832,
                                                                   0,
                                                                   0.216216216216,
                                                                   0.189189189189,
                                                                   0.567567567568,
                                                                   0.027027027027,
                                                                   1,
                                                                   0,
                                                                   0,
                                                                   0,
                                                                   0.483333333333,
                                                                   0.516666666667,
                                                                   0,
                                                                   0,
                                                                   0.237025426681,
                                                                   0.36241727621,
                                                                   0.400557297109,
                                                                   0,
                                                                   0.0512820512821,
                                                                   0.435897435897,
                                                                   0.358974358974,
                                                                   0.153846153846})) < 1e-11);
  CHECK(difference(head_maps(merge_words(view, words, {.rows = PieceRows::first})),
                   two_heads(4, 4,
                             {1,
                              0,
                              0,
                              0,
                              0.363636363636,
                              0.636363636364,
                              0,
                              0,
                              0.384615384615,
                              0.5,
                              0.115384615385,
                              0,
                              0.216216216216,
                              0.189189189189,
                              0.567567567568,
                              0.027027027027,
                              1,
                              0,
                              0,
                              0,
                              0.9,
                              0.1,
                              0,
                              0,
                              0.166666666667,
                              0.5,
                              0.333333333333,
                              0,
                              0.0512820512821,
                              0.435897435897,
                              0.358974358974,
                              0.153846153846})) < 1e-11);
  CHECK(difference(head_maps(merge_words(view, words, {.rows = PieceRows::max})),
                   two_heads(4, 4,
                             {1,
                              0,
                              0,
                              0,
                              0.347826086957,
                              0.652173913043,
                              0,
                              0,
                              0.257142857143,
                              0.334285714286,
                              0.408571428571,
                              0,
                              0.216216216216,
                              0.189189189189,
                              0.567567567568,
                              0.027027027027,
                              1,
                              0,
                              0,
                              0,
                              0.490909090909,
                              0.509090909091,
                              0,
                              0,
                              0.240963855422,
                              0.397590361446,
                              0.361445783133,
                              0,
                              0.0512820512821,
                              0.435897435897,
                              0.358974358974,
                              0.153846153846})) < 1e-11);

  const Mask cache{.causal = true, .query_offset = 3};
  const auto cached = test::pattern(Layout({2, 2, 4, 7}, cache));
  const AttentionView<double> steps(cached, cache);
  const auto merged = merge_words(steps, words);
  CHECK(difference(head_maps(merged, 1),
                   two_heads(2, 3,
                             {0.365151515152, 0.634848484848, 0, 0.106617647059, 0.753676470588,
                              0.139705882353, 0.125757575758, 0.874242424242, 0, 0.239032258065,
                              0.554193548387, 0.206774193548})) < 1e-11);
  CHECK(difference(
            head_maps(merge_words(steps, words, {.rows = PieceRows::first}), 1),
            two_heads(2, 3,
                      {0.363636363636, 0.636363636364, 0, 0.0882352941176, 0.882352941176, 0.0294117647059,
                       0.1, 0.9, 0, 0.258064516129, 0.548387096774, 0.193548387097})) < 1e-11);
  CHECK(difference(head_maps(merge_words(steps, words, {.rows = PieceRows::max}), 1),
                   two_heads(2, 3,
                             {0.365558912387, 0.634441087613, 0, 0.0994152046784, 0.701754385965,
                              0.198830409357, 0.14409221902, 0.85590778098, 0, 0.248601615911, 0.539465506526,
                              0.211932877564})) < 1e-11);
  // The queries of the first element stand at words 2, 2, 2, 3, those of the second at 1, 1, 2, 2.
  CHECK(merged.layout().position(0, 0) == 2);
  CHECK(merged.layout().position(1, 0) == 1);
  CHECK(merged.layout().queries(0) == 2);
  CHECK(merged.layout().visible(1, 1) == Range{0, 3});

  const auto across = test::pattern(Layout({1, 2, 3, 5}));
  const WordIndices queries{{0, 0, 1}}, keys{{0, 0, 0, 1, 1}};
  CHECK(difference(head_maps(merge_words(across, queries, keys)),
                   two_heads(2, 2,
                             {0.555, 0.445, 0.709677419355, 0.290322580645, 0.654377880184, 0.345622119816,
                              0.652173913043, 0.347826086957})) < 1e-11);
  CHECK(difference(head_maps(merge_words(across, queries, keys, {.rows = PieceRows::first})),
                   two_heads(2, 2,
                             {0.36, 0.64, 0.709677419355, 0.290322580645, 0.857142857143, 0.142857142857,
                              0.652173913043, 0.347826086957})) < 1e-11);
  CHECK(difference(head_maps(merge_words(across, queries, keys, {.rows = PieceRows::max})),
                   two_heads(2, 2,
                             {0.539568345324, 0.460431654676, 0.709677419355, 0.290322580645, 0.609836065574,
                              0.390163934426, 0.652173913043, 0.347826086957})) < 1e-11);
}

TEST_CASE("words of long texts, block by block, as plain loops have them") {
  const Mask mask = self_padding({700, 1, 0, 333}, {0, 400, 9, 123}, {.causal = true});
  const Layout layout({4, 2, 700, 700}, mask);
  const auto a = test::random_attention<float>(layout);
  const AttentionView<float> view(a, mask);
  const WordIndices words{random_words(700, 1), {0}, {}, random_words(333, 2)};
  const auto merged = merge_words(view, words);
  AttentionTensor<double> plain(4, 2, 700, 700);
  plain.setConstant(std::numeric_limits<double>::quiet_NaN());
  std::vector<Index> lengths;
  for (Index b = 0; b < 4; ++b) {
    const Words& own = words[static_cast<std::size_t>(b)];
    lengths.push_back(own.empty() ? 0 : own.back() + 1);
    if (own.empty()) continue;
    const auto maps = head_maps(view, b);
    for (Index h = 0; h < 2; ++h) {
      const Eigen::MatrixXd map = plain_words(maps[static_cast<std::size_t>(h)], own, own);
      CHECK(test::difference(head_maps(merged, b)[static_cast<std::size_t>(h)], map) < 1e-6);
      for (Index i = 0; i < map.rows(); ++i)
        for (Index j = 0; j < map.cols(); ++j) plain(b, h, i, j) = map(i, j);
    }
  }
  const Layout expected({4, 2, 700, 700}, self_padding(lengths, {}, {.causal = true}));
  const test::PlainLoops loops = test::plain_loops(plain, expected);
  for (const int threads : {1, 4}) {
    const LocalityResult locality = attnscope::locality(merged, {}, {.threads = threads});
    const EntropyResult entropy = attnscope::entropy(merged, {}, {.threads = threads});
    CHECK(test::difference(locality.locality, loops.locality) < 1e-6);
    CHECK(test::difference(locality.mean_distance, loops.distance) < 1e-6);
    CHECK(locality.uniform_locality == Approx(loops.uniform));
    CHECK(test::difference(entropy.entropies, loops.entropies) < 1e-6);
    CHECK(test::difference(entropy.normalized_entropies, loops.normalized) < 1e-6);
    CHECK(entropy.queries == lengths[0] + 1 + lengths[3]);
  }
}

TEST_CASE("words of one token change nothing, one word of all tokens takes all") {
  const Mask mask{.causal = true};
  const auto a = test::random_attention<double>(Layout({1, 2, 5, 5}, mask));
  const AttentionView<double> view(a, mask);
  for (const PieceRows rows : {PieceRows::mean, PieceRows::first, PieceRows::max}) {
    CHECK(difference(head_maps(merge_words(view, {{0, 1, 2, 3, 4}}, {.rows = rows})), head_maps(view)) <
          1e-15);
    CHECK(head_maps(merge_words(view, {{0, 0, 0, 0, 0}}, {.rows = rows}))[1](0, 0) == Approx(1));
  }
}

TEST_CASE("rows keep their sums, also where a sink was dropped; rows without weight stay so") {
  const Eigen::Matrix3d a{{.1, .2, .1}, {.3, 0, .3}, {0, 0, 0}};
  for (const PieceRows rows : {PieceRows::mean, PieceRows::max}) {
    CHECK(head_maps(merge_words(a, {{0, 0, 1}}, {.rows = rows}))[0].row(0).sum() == Approx(.5));
    CHECK(head_maps(merge_words(a, {{0, 1, 2}}, {.rows = rows}))[0].row(2).isZero());
    CHECK(head_maps(merge_words(a, {{0, 1, 1}}, {.rows = rows}))[0].row(1).sum() == Approx(.3));
  }
}

TEST_CASE("a word is excluded when all its tokens are, else the rows of its shown pieces count") {
  const auto a = test::random_attention<double>(Layout({1, 2, 6, 6}));
  const Words words{0, 1, 1, 2, 2, 2};
  const auto some = exclude_tokens(a, {.queries = {{0, 3}}, .keys = {{1, 2, 5}}});
  const auto merged = merge_words(some, {words});
  CHECK(merged.layout().mask().excluded_queries == WordIndices{{0}});
  CHECK(merged.layout().mask().excluded_keys == WordIndices{{1}});
  CHECK(merged.layout().visible_keys(0, 1) == 2);
  const Eigen::MatrixXd expected = plain_words(head_maps(some)[1], words, words, {0, 3}).bottomRows(2);
  auto reader = merged.reader();
  CHECK(test::difference(reader.read(0, {1, 3}).head(1).matrix(), expected) < 1e-15);
  CHECK(expected.col(1).isZero());
  CHECK(entropy(merged).queries == 2);
  const auto first = merge_words(some, {words}, {.rows = PieceRows::first});
  auto first_reader = first.reader();
  CHECK(test::difference(first_reader.read(0, {2, 3}).head(0).matrix(),
                         plain_words(head_maps(some)[0], words, words, {0, 3, 5}).bottomRows(1)) < 1e-15);
  CHECK(entropy(first).queries == 2);
  CHECK(entropy(merge_words(exclude_tokens(a, {.queries = {{0, 1, 2, 3, 4, 5}}}), {words})).queries == 0);
}

TEST_CASE("a hidden row is not read, whatever stands there") {
  auto a = test::random_attention<double>(Layout({1, 1, 3, 3}));
  for (Index j = 0; j < 3; ++j) a(0, 0, 1, j) = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(
      head_maps(merge_words(exclude_tokens(a, {.queries = {{1}}, .renormalise = false}), {{0, 0, 1}}))[0]
          .hasNaN());
}

TEST_CASE("merging nests with other adaptors and stands beside itself") {
  const auto a = test::random_attention<double>(Layout({1, 3, 6, 6}));
  const WordIndices words{{0, 0, 1, 2, 2, 3}};
  CHECK(difference(head_maps(mean_heads(merge_words(a, words))),
                   head_maps(merge_words(mean_heads(a), words))) < 1e-15);
  CHECK(aligned(merge_words(a, words), merge_words(select_heads(a, {2}), words)).layout().keys(0) == 4);
  const AnyAttention<double> any(merge_words(a, words));
  CHECK(entropy(any).entropies == entropy(merge_words(a, words)).entropies);
  CHECK(head_maps(merge_words(merge_words(a, words), {{0, 0, 0, 0}}))[2](0, 0) == Approx(1));
}

TEST_CASE("from queries and keys") {
  const std::vector<float> numbers{.1f, .9f, -.4f, 1.2f, .3f, -.7f, .5f, .2f};
  const QueryKeyAttention<float> attention(numbers.data(), numbers.data(),
                                           Layout({1, 1, 4, 4}, {.causal = true}), 1, 2);
  const Eigen::MatrixXd words = head_maps(merge_words(attention, {{0, 0, 1, 1}}))[0];
  CHECK(test::difference(words, plain_words(head_maps(attention)[0], {0, 0, 1, 1}, {0, 0, 1, 1})) < 1e-6);
}

TEST_CASE("word indices that do not fit name batch element and token") {
  const AttentionTensor<float> a = test::random_attention<float>(Layout({2, 1, 3, 3}));
  const auto message = [&](const WordIndices& words) {
    return message_of<ShapeError>([&] { merge_words(a, words); });
  };
  CHECK(message({{0, 0, 1}}) == "1 lists of key words for a batch of 2");
  CHECK(message({{0, 0, 1}, {0, 1}}) ==
        "batch element 1: the words of 2 key tokens are given, but there are 3");
  CHECK(message({{0, 0, 1}, {0, 1, 0}}) ==
        "batch element 1, key words: token 2 is of word 0, but 1 or 2 is expected: words are numbered 0, 1, "
        "... in "
        "the order of the tokens");
  CHECK(message({{0, 2, 2}, {0, 1, 2}})
            .starts_with("batch element 0, key words: token 1 is of word 2, but 0 or 1"));
  CHECK(message_of<ShapeError>([&] {
          merge_words(a, {{0, 1}, {0, 1, 1}}, {{0, 0, 1}, {0, 0, 0}});
        }) == "batch element 0: the words of 2 query tokens are given, but there are 3");
  CHECK(message_of<ShapeError>([&] {
          merge_words(a, {{0, 1, 1}, {0, 1, 1}}, {{0, 0, 1}, {1, 1, 1}});
        }).starts_with("batch element 1, key words: token 0 is of word 1, but 0"));
}

TEST_CASE("masks that words cannot have are refused") {
  const AttentionTensor<float> a = test::random_attention<float>(Layout({1, 1, 3, 3}));
  const auto masked = [&](const Mask& mask) { return AttentionView<float>(a, mask); };
  const WordIndices words{{0, 0, 1}};
  CHECK(message_of<ShapeError>([&] { merge_words(masked({.causal = true, .sliding_window = 2}), words); }) ==
        "sliding_window = 2 counts tokens, which is no fixed number of words: merge the words of the same "
        "weights "
        "under a mask without it");
  CHECK(message_of<ShapeError>([&] { merge_words(masked({.causal = true}), words, words); }) ==
        "causal attention has one word index, for queries and keys: a word sees the words up to its own");
  CHECK(message_of<ShapeError>([&] { merge_words(masked({.causal = true, .query_offset = 1}), words); }) ==
        "batch element 0: query 2 stands at key 3, but there are 3: cross-attention has a word index for "
        "each side");
}

TEST_CASE("no tokens, no words") {
  const AttentionTensor<float> none(1, 2, 0, 0);
  CHECK(std::isnan(entropy(merge_words(none, {{}})).entropies(0)));
  CHECK(head_maps(merge_words(none, {{}}))[1].size() == 0);
  const AttentionTensor<float> no_batch(0, 2, 0, 0);
  CHECK(merge_words(no_batch, WordIndices{}).layout().shape().batch == 0);
}
