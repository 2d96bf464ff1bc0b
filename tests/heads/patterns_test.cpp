#include <attnscope/heads/patterns.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/catch.hpp"
#include "support/planted.hpp"

using namespace attnscope;

namespace {

std::vector<std::string> labels(const PatternResult& result) {
  std::vector<std::string> all;
  for (const HeadPattern& head : result.heads) all.push_back(head.label);
  return all;
}
const PatternScore* find(const HeadPattern& head, const std::string& label) {
  for (const PatternScore& score : head.scores)
    if (score.label.starts_with(label)) return &score;
  return nullptr;
}
double score(const PatternResult& result, std::size_t head, const std::string& label) {
  const PatternScore* found = find(result.heads.at(head), label);
  return found ? found->score : undefined;
}

/// How many of all heads but the broad ones are "none" in `draws` copies with shuffled keys, and how many
/// heads that is. (Being broad does not depend on where the weights stand.)
struct Shuffled {
  Index none = 0, heads = 0;
  Shuffled& add(const AttentionTensor<float>& attention, const Layout& layout,
                const std::vector<TokenFacts>& facts, unsigned draws) {
    const PatternResult before = patterns(AttentionView<float>(attention.data(), layout), facts);
    for (unsigned draw = 1; draw <= draws; ++draw) {
      const auto shuffled = test::shuffled_keys(attention, layout, draw);
      const PatternResult after = patterns(AttentionView<float>(shuffled.data(), layout), facts);
      for (std::size_t h = 0; h < after.heads.size(); ++h) {
        const bool broad = find(before.heads[h], "broad")->passes;
        CHECK(find(after.heads[h], "broad")->passes == broad);
        heads += broad ? 0 : 1;
        none += !broad && after.heads[h].label == "none" ? 1 : 0;
      }
    }
    return *this;
  }
  double share() const { return static_cast<double>(none) / static_cast<double>(heads); }
};

Dump dump(const std::string& path) { return read_dump(path); }

const AnyAttention<float>& layer(const Dump& dump, std::size_t index) {
  return std::get<AnyAttention<float>>(dump.stacks.at(0).layers.at(index).attention);
}
std::vector<TokenFacts> token_facts(const Dump& dump) {
  std::vector<TokenFacts> facts;
  for (const auto& tokens : dump.stacks.at(0).keys.tokens) {
    facts.push_back({.identities = identities_of(tokens)});
    if (tokens.front() == "<bos>") facts.back().special = {0};
  }
  return facts;
}
AttentionTensor<float> weights_of(const AnyAttention<float>& attention) {
  const Shape& s = attention.layout().shape();
  AttentionTensor<float> weights(s.batch, s.heads, s.queries, s.keys);
  weights.setZero();
  auto reader = attention.reader();
  for (Index b = 0; b < s.batch; ++b) {
    const Block<float> block = reader.read(b, {0, s.queries});
    for (Index h = 0; h < s.heads; ++h)
      for (Index i = 0; i < s.queries; ++i)
        for (Index j = 0; j < block.keys(); ++j) weights(b, h, i, j) = block.head(h).matrix()(i, j);
  }
  return weights;
}

}  // namespace

TEST_CASE("one planted head of each kind is recovered, all of them") {
  const std::vector<Index> lengths{50, 38, 44};
  for (const bool causal : {false, true})
    for (const std::vector<Index>& starts : {std::vector<Index>{}, std::vector<Index>{1, 9, 4}})
      for (const double strength : {.99, .8, .7})
        for (unsigned seed = 1; seed <= 5; ++seed) {
          INFO("causal " << causal << ", strength " << strength << ", seed " << seed);
          const test::PlantedModel model = test::planted_model(lengths, starts, causal, strength, seed);
          CHECK(labels(patterns(model.view(), model.facts)) == model.labels);
        }
}

TEST_CASE("copies with shuffled positions are none") {
  Shuffled shuffled;
  for (const bool causal : {false, true})
    for (unsigned seed = 1; seed <= 3; ++seed) {
      const auto model = test::planted_model({50, 38, 44}, {1, 9, 4}, causal, .8, seed);
      shuffled.add(model.attention, model.layout, model.facts, 5);
    }
  CHECK(shuffled.heads > 300);
  CHECK(shuffled.share() >= .95);
}

TEST_CASE("of the induction model, layer 1 is induction, heads 1 and 2 of layer 0 previous token") {
  const Dump induction = dump(ATTNSCOPE_TEST_DIR "/data/induction_batch.safetensors");
  const auto facts = token_facts(induction);
  const PatternResult first = patterns(layer(induction, 0), facts),
                      second = patterns(layer(induction, 1), facts);
  CHECK(labels(second) == std::vector<std::string>(4, "induction"));
  CHECK(first.heads[1].label == "previous token");
  CHECK(first.heads[2].label == "previous token");
  for (std::size_t h = 0; h < 4; ++h) CHECK(score(second, h, "induction") > .85);
  CHECK(!find(first.heads[0], "next token"));  // causal: nobody sees it
}

TEST_CASE("real heads with shuffled positions are none") {
  Shuffled shuffled;
  for (const char* path : {ATTNSCOPE_TEST_DIR "/data/induction_batch.safetensors",
                           ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors",
                           ATTNSCOPE_TEST_DIR "/data/use_lite_pride.safetensors"})
    for (const std::size_t l : {0u, 1u}) {
      const Dump real = dump(path);
      shuffled.add(weights_of(layer(real, l)), layer(real, l).layout(), token_facts(real), 20);
    }
  CHECK(shuffled.share() >= .95);
}

TEST_CASE("the largest margin wins, and every number stands beside it") {
  const auto model = test::planted_model({50, 38, 44}, {}, false);
  const PatternResult result = patterns(model.view(), model.facts);
  for (const HeadPattern& head : result.heads) {
    CHECK(head.head == static_cast<Index>(&head - result.heads.data()));
    CHECK(head.scores.size() == 12);  // the labels of the list, the offsets as one
    double most = undefined;
    for (const PatternScore& each : head.scores) {
      CHECK(each.margin == each.score - each.baseline);
      if (each.passes && !(each.margin <= most)) most = each.margin;
    }
    if (head.label == "none") {
      CHECK((std::isnan(most) && std::isnan(head.score) && std::isnan(head.margin)));
      continue;
    }
    CHECK(head.margin == most);
    CHECK(find(head, head.label)->score == head.score);
    CHECK(find(head, head.label)->baseline == head.baseline);
  }
  const HeadPattern& previous = result.heads[0];
  CHECK(find(previous, "previous token")->argmax_rate == 1);
  CHECK(find(previous, "previous token")->argmax_passes);
  CHECK(!find(previous, "next token")->argmax_passes);
  CHECK(find(result.heads[6], "syntactic")->relation.ends_with(" to its head"));
}

TEST_CASE("a sink is the first token although causal rows 0 and 1 see little else") {
  // Uniform causal attention over 3 tokens has mass 11/18 on the first; without the forced row it is 5/12.
  const Eigen::Matrix3d uniform{{1, 0, 0}, {.5, .5, 0}, {1 / 3., 1 / 3., 1 / 3.}};
  const PatternResult result = patterns(AttentionView(uniform, {.causal = true}));
  CHECK(score(result, 0, "first token") == Approx(5 / 12.));
  CHECK(find(result.heads[0], "first token")->margin == Approx(0).margin(1e-15));
  CHECK(result.heads[0].label == "broad");
}

TEST_CASE("at the ends of a text an offset is no pattern") {
  // Everybody looks at the last of 9 tokens, which one query sees 8 further.
  Eigen::MatrixXd last = Eigen::MatrixXd::Zero(9, 9);
  last.col(8).setOnes();
  CHECK(patterns(last).heads[0].label == "none");
  CHECK(patterns(last, {{.delimiters = {{8}}}}).heads[0].label == "delimiter");
}

TEST_CASE("what is not known is not judged") {
  const auto model = test::planted_model({50, 38, 44}, {}, false);
  const PatternResult result = patterns(model.view());
  const HeadPattern& head = result.heads[0];
  for (const char* label :
       {"delimiter", "rare token", "syntactic", "semantic", "duplicate token", "induction"})
    CHECK(!find(head, label));
  for (const char* label : {"previous token", "next token", "same token", "offset", "first token", "broad"})
    CHECK(find(head, label));
  CHECK(result.relations.empty());
}

TEST_CASE("too little is not judged") {
  const auto model = test::planted_model({16}, {}, false);
  const auto judged = [&](const char* label, const PatternOptions& options) {
    return find(patterns(model.view(), model.facts, options).heads[0], label) != nullptr;
  };
  CHECK(!judged("rare token", {}));
  CHECK(judged("rare token", {.min_rare_queries = 16}));
  CHECK(!judged("rare token", {.min_rare_queries = 17}));
  CHECK(judged("semantic", {.min_queries = 14}));
  CHECK(!judged("semantic", {.min_queries = 15}));
  CHECK(judged("syntactic", {.min_relation_queries = 13}));
  CHECK(!judged("syntactic", {.min_relation_queries = 14}));
  const Index copies =
      find(patterns(model.view(), model.facts, {.min_queries = 0}).heads[0], "induction")->queries;
  CHECK(judged("duplicate token", {.min_queries = copies}));
  CHECK(!judged("duplicate token", {.min_queries = copies + 1}));
  CHECK(!judged("induction", {.min_queries = copies + 1}));
}

TEST_CASE("where queries are no keys, what keys alone decide remains") {
  const auto model = test::planted_model({50, 38, 44}, {}, false);
  const PatternResult result = patterns(model.view(), model.facts, {.self_attention = false});
  CHECK(result.heads[0].scores.size() == 4);
  CHECK(result.heads[0].label == "none");
  CHECK(result.heads[3].label == "first token");
  CHECK(result.heads[4].label == "delimiter");
  CHECK(result.heads[5].label == "rare token");
  CHECK(result.heads[8].label == "broad");
}

TEST_CASE("a corpus of many sources is a batch of them; every source has facts of its own") {
  const auto model = test::planted_model({50, 38, 44}, {1, 9, 4}, false);
  const PatternResult batch = patterns(model.view(), model.facts);
  PatternMeasure corpus;
  for (Index b = 0; b < 3; ++b) {
    PatternMeasure text({model.facts[static_cast<std::size_t>(b)]});
    sweep(model.view().example(b), text);
    corpus.merge(std::move(text));
  }
  const PatternResult merged = corpus.result();
  REQUIRE(merged.heads.size() == batch.heads.size());
  for (std::size_t h = 0; h < batch.heads.size(); ++h) {
    CHECK(merged.heads[h].label == batch.heads[h].label);
    for (std::size_t s = 0; s < batch.heads[h].scores.size(); ++s) {
      CHECK(merged.heads[h].scores[s].score == Approx(batch.heads[h].scores[s].score));
      CHECK(merged.heads[h].scores[s].baseline == Approx(batch.heads[h].scores[s].baseline));
      CHECK(merged.heads[h].scores[s].queries == batch.heads[h].scores[s].queries);
    }
  }
}

TEST_CASE("each example apart, and pooled") {
  const auto model = test::planted_model({50, 38, 44}, {1, 9, 4}, false);
  EachExample each{PatternMeasure(model.facts)};
  sweep(model.view(), each);
  CHECK(labels(each.pooled()) == model.labels);
  REQUIRE(each.result().size() == 3);
  const PatternResult alone = patterns(model.view().example(1), {model.facts[1]});
  CHECK(labels(each.result()[1]) == labels(alone));
  CHECK(score(each.result()[1], 7, "semantic") == score(alone, 7, "semantic"));
}

TEST_CASE("the same bits for any number of threads") {
  const auto model = test::planted_model({300, 280}, {}, true);
  const PatternResult one = patterns(model.view(), model.facts, {}, {.threads = 1}),
                      many = patterns(model.view(), model.facts, {}, {.threads = 5});
  for (std::size_t h = 0; h < one.heads.size(); ++h)
    for (std::size_t s = 0; s < one.heads[h].scores.size(); ++s) {
      CHECK(one.heads[h].scores[s].score == many.heads[h].scores[s].score);
      CHECK(one.heads[h].scores[s].baseline == many.heads[h].scores[s].baseline);
    }
}

TEST_CASE("nothing to judge by gives none, and no score") {
  const Eigen::MatrixXd one = Eigen::MatrixXd::Ones(1, 1);
  const PatternResult token = patterns(one, {{.identities = {3}, .delimiters = {{0}}, .frequencies = {1}}});
  CHECK(labels(token) == std::vector<std::string>{"none"});
  CHECK(token.heads[0].scores.empty());
  CHECK(patterns(AttentionTensor<float>(1, 2, 0, 0)).heads.size() == 2);
  CHECK(patterns(AttentionTensor<float>(0, 2, 4, 4)).heads.empty());
  AttentionTensor<float> padding(1, 2, 4, 4);
  padding.setConstant(std::numeric_limits<float>::quiet_NaN());
  CHECK(labels(patterns(AttentionView<float>(padding, self_padding({0})), {TokenFacts{}})) ==
        std::vector<std::string>(2, "none"));
}

TEST_CASE("a head without weight does nothing") {
  const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(12, 12);
  const PatternResult result =
      patterns(zero, {{.delimiters = {{0, 5}}, .embeddings = Eigen::MatrixXd::Random(12, 3)}});
  CHECK(labels(result) == std::vector<std::string>{"none"});
  for (const PatternScore& each : result.heads[0].scores) CHECK(each.score == 0);
}

TEST_CASE("facts that do not fit are refused, naming batch element and token") {
  const auto a = test::planted_model({8, 6}, {0, 2}, false);
  const auto message = [&](std::vector<TokenFacts> facts) {
    return message_of<ShapeError>([&] { patterns(a.view(), std::move(facts)); });
  };
  CHECK(message({{}, {}, {}}) == "facts of 3 batch elements for a batch of 2");
  CHECK(message({{}, {.identities = {1, 2, 3}}}) == "batch element 1: 3 identities for 6 tokens");
  CHECK(message({{.delimiters = {{8}}}, {}}) == "batch element 0: delimiter token 8 of 8");
  CHECK(message({{}, {.special = {6}}}) == "batch element 1: special token 6 of 6");
  CHECK(message({{}, {.dependency_heads = {-1, 0, 9}}}) ==
        "batch element 1: token 2: the dependency head 9 of 3 tokens");
  CHECK(message_of<ValueError>([] { PatternMeasure({TokenFacts{.frequencies = {-1}}}); }) ==
        "batch element 0: token 0: the frequency -1 is not a count or a share");
}

TEST_CASE("options that leave nothing are refused, unlike ones do not pool") {
  CHECK(message_of<ValueError>([] { PatternMeasure({}, {.max_offset = 0}); }) ==
        "max_offset = 0 leaves no previous token");
  CHECK(message_of<ValueError>([] { PatternMeasure().merge(PatternMeasure({}, {.broad = .5})); }) ==
        "cannot pool patterns of other options");
}

TEST_CASE("a little similarity is not semantic") {
  const auto weak = test::planted_model({50, 38, 44}, {}, false, .25);
  const PatternResult result = patterns(weak.view(), weak.facts);
  CHECK(weak.labels[7] == "semantic");
  CHECK(find(result.heads[7], "semantic")->margin > .1);
  CHECK(!find(result.heads[7], "semantic")->passes);
  CHECK(find(patterns(weak.view(), weak.facts, {.semantic = .1}).heads[7], "semantic")->passes);
}
