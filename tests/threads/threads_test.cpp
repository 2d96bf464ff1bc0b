// Everything that runs on several threads, in small, and the same bits as on one: ThreadSanitizer watches
// this program.
#include <attnscope/corpus/corpus_pass.hpp>
#include <attnscope/flow/attention_flow.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/importance.hpp>
#include <attnscope/report/page_maps.hpp>
#include <attnscope/values/block_output.hpp>

#include "corpus/made_corpus.hpp"
#include "flow/flow_stacks.hpp"
#include "support/catch.hpp"
#include "support/query_keys.hpp"
#include "values/made_values.hpp"

using namespace attnscope;

namespace {
// Above what a sweep does on the caller's thread alone, and several tasks.
const Layout long_texts({2, 2, 530, 530}, {.causal = true});
constexpr int several = 4;

template <typename Source>
auto numbers_of(const Source& source, int threads) {
  EntropyMeasure entropies;
  EachExample similarity{HeadSimilarityMeasure()};
  Index calls = 0;
  const auto progress = [&](Index, Index) { return ++calls > 0; };
  sweep(source, {.threads = threads, .progress = progress}, entropies, similarity);
  return std::tuple(entropies.result().entropies, similarity.result().front().similarity_matrix, calls);
}
}  // namespace

TEST_CASE("a sweep over stored attention, and over a gradient beside it") {
  const auto a = test::random_attention<float>(long_texts), g = test::random_attention<float>(long_texts, 2);
  const AttentionView<float> view(a, long_texts.mask());
  CHECK(numbers_of(view, several) == numbers_of(view, 1));
  const auto beside = aligned(view, AttentionView<float>(g, long_texts.mask()));
  CHECK(importance(beside, {.threads = several}).mean.per_position ==
        importance(beside, {.threads = 1}).mean.per_position);
}

TEST_CASE("a sweep over queries and keys") {
  const test::MadeQueryKeys<float> made({"causal", {1, 4, 600, 600}, 2, 8, {.causal = true}});
  CHECK(numbers_of(made.source(), several) == numbers_of(made.source(), 1));
}

TEST_CASE("a sweep that fails, and one that is stopped") {
  auto a = test::random_attention<float>(long_texts);
  const AttentionView<float> view(a, long_texts.mask());
  EntropyMeasure entropies;
  CHECK_THROWS_AS(
      sweep(view, {.threads = several, .progress = [](Index done, Index) { return done < 600; }}, entropies),
      Stopped);
  a(1, 1, 500, 3) = -1;
  CHECK_THROWS_WITH(sweep(view, {.threads = several}, entropies),
                    Catch::Contains("batch element 1, head 1, query 500, key 3"));
}

TEST_CASE("what the values of a layer are, before and in a sweep") {
  const auto layer = test::random_layer<float>(Layout({1, 4, 400, 400}, {.causal = true}), 2, 4, 8);
  CHECK(block_outputs(layer.view(), layer.values(), {}, {.threads = several})[0] ==
        block_outputs(layer.view(), layer.values(), {}, {.threads = 1})[0]);
}

TEST_CASE("attention flow, and its waists") {
  const flow_stacks::Stack stack = flow_stacks::stack("causal", 4, 16, 8);
  CHECK(attention_flow(stack, {.threads = several}).flow == attention_flow(stack, {.threads = 1}).flow);
  CHECK(attention_flow_from(stack, 9, {.threads = several}).flow ==
        attention_flow_from(stack, 9, {.threads = 1}).flow);
}

TEST_CASE("the files of a corpus") {
  const auto pass = [](int threads) {
    CorpusPassOptions options{.statistics = test::made_options, .threads = threads};
    CorpusList list{{}, 7};
    for (Index e = 0; e < test::made_examples; ++e) list.names.push_back(fmt::format("file {}", e));
    std::vector<std::string> blocks;
    pass_over_blocks(
        list, {0, 1, 2, 3}, options, [](Index item) { return std::vector{test::made_example(item)}; },
        [](Index, const std::string*) {},
        [&](Index, CorpusStatistics&& state) { blocks.push_back(test::bytes_of(state)); });
    return blocks;
  };
  CHECK(pass(several) == pass(1));
}

TEST_CASE("the layers of a page") {
  const Layout layout({1, 2, 30, 30});
  std::vector<AttentionTensor<float>> weights;
  DumpStack stack;
  for (unsigned l = 0; l < 6; ++l) weights.push_back(test::random_attention<float>(layout, l));
  for (unsigned l = 0; l < 6; ++l)
    stack.layers.push_back({l, {}, {0, 1}, AnyAttention<float>(AttentionView<float>(weights[l])), {}, {}});
  const MapForm form = map_form(stack, 0);
  const auto chunks = map_chunks(stack, 0, form, several), one = map_chunks(stack, 0, form, 1);
  REQUIRE(chunks.size() == 6);
  for (std::size_t l = 0; l < 6; ++l) CHECK(chunks[l].base64 == one[l].base64);
}
