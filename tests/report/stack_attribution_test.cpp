#include <attnscope/report/csv.hpp>
#include <attnscope/report/json.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

// Its numbers: report_test.cpp.
using namespace attnscope;
using test::filled;
using test::uniform;
using Json = nlohmann::ordered_json;

namespace {

/// One head whose every query gives key j the share j + 1, over `tokens` tokens.
RawTensor rising(Index tokens) {
  std::vector<float> weights;
  for (Index i = 0; i < tokens; ++i)
    for (Index j = 0; j < tokens; ++j)
      weights.push_back(static_cast<float>(j + 1) * 2.f / static_cast<float>(tokens * (tokens + 1)));
  return raw_tensor(weights, {1, 1, tokens, tokens});
}
/// [1, token, 2] whose L1 norms rise or fall with the token; signs do not count.
RawTensor gradient(Index tokens, bool rises) {
  std::vector<float> numbers;
  for (Index t = 0; t < tokens; ++t)
    for (const float sign : {-1.f, .5f})
      numbers.push_back(sign * static_cast<float>(rises ? t + 1 : tokens - t));
  return raw_tensor(numbers, {1, tokens, 2});
}
std::vector<std::string> keys(const Json& json) {
  std::vector<std::string> all;
  for (const auto& [key, value] : json.items()) all.push_back(key);
  return all;
}
std::vector<std::string> methods(const StackAttribution& attribution) {
  std::vector<std::string> all;
  for (const TokenScores& scores : attribution.scores) all.push_back(scores.method);
  return all;
}
const RawTensors two_sizes{{"self.0.attention", uniform(1, 1, 4)},
                           {"self.1.attention", uniform(1, 1, 3)},
                           {"input.embedding_gradient", filled({1, 4, 2}, 1)}};

}  // namespace

TEST_CASE("attention and the input gradient that order tokens alike, oppositely, or not") {
  const auto stack = [](const RawTensor& attention, bool rises) {
    return test::analyze(make_dump("x",
                                   {{"self.3.attention", attention},
                                    {"self.3.attention_gradient", filled({1, 8, 8}, 1)},
                                    {"input.embedding_gradient", gradient(8, rises)}},
                                   {}))
        .stacks.at(0)
        .attribution.value();
  };
  const StackAttribution alike = stack(rising(8), true);
  REQUIRE(alike.elements.size() == 1);
  REQUIRE(alike.elements[0].size() == 2);
  const LayerAttribution first = alike.elements[0][0], received = alike.elements[0][1];
  CHECK(first.layer == 3);
  CHECK(first.readout == "first query");
  CHECK(received.readout == "received");
  CHECK(received.spearman_correlation == 1);
  CHECK(received.p_value == 0);
  CHECK(received.kendall_tau == 1);
  CHECK(received.n == 8);
  CHECK(received.upper == 1);
  CHECK_THAT(received.verdict, ContainsSubstring("Attention (received) and the input gradient order the 8 "
                                                 "tokens alike: rho = 1.00, 95 % interval ."));
  CHECK_THAT(
      stack(rising(8), false).elements[0][0].verdict,
      ContainsSubstring("Attention (first query) and the input gradient order the 8 tokens oppositely"));
  const LayerAttribution constant = stack(uniform(1, 1, 8), true).elements[0][1];
  CHECK_FALSE(constant.spearman_correlation);
  CHECK_FALSE(constant.p_value);
  CHECK_FALSE(constant.lower);
  CHECK_THAT(constant.verdict, ContainsSubstring("Nothing can be said"));
}

TEST_CASE("the report has attribution as it is defined, in its order, and more beside it") {
  const Dump dump = make_dump("x",
                              {{"self.0.attention", uniform(1, 1, 3)},
                               {"self.4.attention", rising(3)},
                               {"input.embedding", filled({3, 2}, 2)},
                               {"input.embedding_gradient", gradient(3, true)}},
                              {});
  const Json self = Json::parse(report_json(test::analyze(dump)))["stacks"]["self"];
  REQUIRE(self["attribution"].size() == 1);
  const Json& element = self["attribution"][0];
  CHECK(keys(element) == std::vector<std::string>{"element", "method", "per_layer"});
  CHECK(element["element"] == 0);
  CHECK(element["method"] == "input gradient");
  REQUIRE(element["per_layer"].size() == 4);
  const Json& last = element["per_layer"][3];
  CHECK(keys(last) == std::vector<std::string>{"layer", "readout", "spearman_correlation", "p_value",
                                               "kendall_tau", "n", "interval", "verdict"});
  CHECK(last["layer"] == 4);
  CHECK(last["readout"] == "received");
  CHECK(last["spearman_correlation"] == 1);
  CHECK(last["interval"] == Json{nullptr, nullptr});  // three tokens
  CHECK(element["per_layer"][0]["readout"] == "first query");
  CHECK(element["per_layer"][0]["spearman_correlation"].is_null());

  const Json& scores = self["token_scores"][0];
  CHECK(scores["tokens"] == std::vector{0, 1, 2});
  CHECK(keys(scores["scores"]) ==
        std::vector<std::string>{"input gradient", "input gradient (L2)", "input gradient (signed)",
                                 "gradient x input", "attention, layer 0 (first query)",
                                 "attention, layer 0 (received)", "attention, layer 4 (first query)",
                                 "attention, layer 4 (received)", "rollout (first query)",
                                 "rollout (received)", "combined"});
  CHECK(scores["scores"]["gradient x input"] == std::vector{-1., -2., -3.});
  CHECK(scores["scores"]["combined"][2].get<double>() == Approx(1));
  const Json& agreement = self["agreement"];
  CHECK(agreement["methods"].size() == 9);  // without layer 0
  CHECK(agreement["spearman_correlation"]["mean"][0][3] == -1);
  CHECK(agreement["spearman_correlation"]["spread"][0][3].is_null());
  const std::string csv = metrics_csv(test::analyze(dump));
  CHECK_THAT(csv, ContainsSubstring("\r\n0,self,4,,attribution_first_query_kendall_tau,1\r\n"));
  CHECK_THAT(csv, ContainsSubstring("\r\n0,self,0,,attribution_received_p_value,\r\n"));
  std::size_t rows = 0;
  for (std::size_t at = 0; (at = csv.find(",attribution_", at)) != csv.npos; ++at) ++rows;
  CHECK(rows == 2 * 2 * 3);  // layers, readouts, numbers
}

TEST_CASE("what has no input gradient has no attribution, but token scores") {
  const Analysis analysis = test::analyze(make_dump("x",
                                                    {{"encoder.0.attention", uniform(1, 1, 3)},
                                                     {"cross.0.attention", uniform(1, 1, 3)},
                                                     {"input.embedding_gradient", filled({1, 3, 2}, 1)}},
                                                    {}));
  CHECK(analysis.stacks[0].attribution.value().elements.empty());
  CHECK(methods(*analysis.stacks[0].attribution).front() == "attention, layer 0 (first query)");
  CHECK_FALSE(analysis.stacks[1].attribution);
  const Json stacks = Json::parse(report_json(analysis))["stacks"];
  CHECK_FALSE(stacks["encoder"].contains("attribution"));
  CHECK(stacks["encoder"].contains("token_scores"));
  CHECK_FALSE(stacks["cross"].contains("token_scores"));
}

TEST_CASE("excluded tokens have no scores, and what shows no query has undefined ones") {
  const Metadata special{{"tokens", R"([["[CLS]", "a", "b", "c"], ["[CLS]", "[CLS]", "[CLS]", "[CLS]"]])"},
                         {"special_tokens", R"(["[CLS]"])"}};
  const Dump dump = make_dump(
      "x", {{"self.0.attention", uniform(2, 1, 4)}, {"input.embedding_gradient", filled({2, 4, 2}, 1)}},
      special);
  const StackAttribution without =
      test::analyze(dump, {.exclude_special = true}).stacks[0].attribution.value();
  CHECK(without.tokens == std::vector<std::vector<Index>>{{1, 2, 3}, {}});
  CHECK(without.elements[0][1].n == 3);
  CHECK(without.elements[1][1].n == 0);
  CHECK(test::analyze(dump).stacks[0].attribution->elements[1][1].n == 4);

  // The last two of four tokens ask; those of the second element are padding.
  const Dump cache = make_dump(
      "x",
      {{"self.0.attention", filled({2, 1, 2, 4}, .25)}, {"input.embedding_gradient", filled({2, 4, 2}, 1)}},
      {{"query_offset", "2"}, {"lengths", "[4, 2]"}});
  const StackAttribution cached = test::analyze(cache).stacks[0].attribution.value();
  CHECK(cached.tokens[1].size() == 2);
  for (const LayerAttribution& layer : cached.elements[1]) CHECK_FALSE(layer.spearman_correlation);
  CHECK(std::isnan(cached.scores[3].scores[1](0)));
  CHECK(cached.scores[3].scores[0](0) == .25);
}

TEST_CASE("what is left out, is said; what does not fit, is named") {
  const Analysis unlike = test::analyze(make_dump("x", two_sizes, {}));
  CHECK_FALSE(unlike.stacks[0].attribution);
  CHECK(unlike.left_out.back() ==
        "self: token scores: batch element 0 is 4 x 4 tokens in layer 0 and 3 x 3 in layer 1");

  const Dump dump = make_dump(
      "x", {{"self.0.attention", uniform(1, 1, 4)}, {"input.embedding_gradient", filled({1, 4, 2}, 1)}}, {});
  const Analysis longer = test::analyze(dump, {.most_map_tokens = 3});
  CHECK(longer.stacks[0].attribution.value().elements[0].size() == 2);  // however long the text
  CHECK(longer.stacks[0].attribution->scores.empty());
  CHECK(longer.left_out.back() == "self: token scores: 4 tokens are more than 3");

  const auto broken = [](const RawTensor& gradient) {
    return [=] {
      test::analyze(make_dump(
          "x", {{"self.0.attention", uniform(1, 1, 4)}, {"input.embedding_gradient", gradient}}, {}));
    };
  };
  CHECK(message_of<ShapeError>(broken(filled({1, 3, 2}, 1))) ==
        "x: self: input.embedding_gradient is [1, 3, 2], but batch element 0 has 4 tokens from 0");
  CHECK(message_of<ValueError>(broken(filled({1, 4, 2}, std::nan("")))) ==
        "x: self: batch element 0: token 0: the gradient is not finite");
}

TEST_CASE("gradients of targets alone wait for one to be chosen") {
  const Dump dump = make_dump("x",
                              {{"self.0.attention", rising(4)},
                               {"self.0.attention_gradient.insult", filled({1, 4, 4}, 1)},
                               {"input.embedding_gradient.insult", gradient(4, true)},
                               {"input.embedding_gradient.threat", gradient(4, false)}},
                              {});
  const Analysis none = test::analyze(dump);
  CHECK(none.stacks[0].attribution.value().elements.empty());
  CHECK(none.left_out.back() == "gradients: there are those of insult, threat; none is chosen as the target");
  const Analysis insult = test::analyze(dump, {.target = "insult"}),
                 threat = test::analyze(dump, {.target = "threat"});
  CHECK(insult.left_out.empty());
  CHECK(insult.stacks[0].attribution->elements[0][1].spearman_correlation == 1);
  CHECK(threat.stacks[0].attribution->elements[0][1].spearman_correlation == -1);
  CHECK(std::ranges::count(methods(*insult.stacks[0].attribution), "relevance (received)") == 1);
  CHECK(std::ranges::count(methods(*threat.stacks[0].attribution), "relevance (received)") == 0);
  CHECK(insult.stacks[0].layers[0].pooled.importance);
  CHECK_FALSE(threat.stacks[0].layers[0].pooled.importance);
  const Analysis one_layer = test::analyze(make_dump("x",
                                                     {{"self.0.attention", rising(4)},
                                                      {"self.0.attention_gradient", filled({1, 4, 4}, 1)},
                                                      {"self.1.attention", rising(4)}},
                                                     {}));
  const std::vector<std::string> of_one = methods(*one_layer.stacks[0].attribution);
  CHECK(std::ranges::count(of_one, "attention x gradient, layer 0 (received)") == 1);
  CHECK(std::ranges::count(of_one, "relevance (received)") == 0);  // it goes through all layers
  CHECK(Json::parse(report_json(insult))["target"] == "insult");
  CHECK_FALSE(Json::parse(report_json(none)).contains("target"));
}
