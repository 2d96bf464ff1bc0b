#include <attnscope/report/findings.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

using Sentences = std::vector<std::string>;

LayerAnalysis layer_of(Index layer, std::vector<Index> heads) {
  LayerAnalysis result;
  result.layer = layer;
  result.heads = std::move(heads);
  return result;
}
/// Layers 2 and 5 of a model, four heads each.
StackAnalysis two_layers() {
  StackAnalysis stack;
  stack.name = "self";
  stack.layers = {layer_of(2, {0, 1, 2, 3}), layer_of(5, {0, 1, 2, 3})};
  return stack;
}
Sentences told(const StackAnalysis& stack) {
  Analysis analysis;
  analysis.stacks = {stack};
  return findings(analysis);
}
/// The only sentence, "" for none.
std::string sentence(const StackAnalysis& stack) {
  const Sentences all = told(stack);
  INFO(fmt::format("{}", fmt::join(all, "\n")));
  REQUIRE(all.size() <= 1);
  return all.empty() ? "" : all[0];
}

HeadPattern pattern(const std::string& label, double score, double baseline) {
  HeadPattern pattern;
  pattern.label = label;
  pattern.score = score;
  pattern.baseline = baseline;
  pattern.margin = score - baseline;
  pattern.scores = {{label, score, baseline, score - baseline, undefined, true}};
  return pattern;
}
HeadPattern no_role(double first_token = .1) {
  HeadPattern pattern;
  pattern.scores = {{"first token", first_token, .05, first_token - .05, undefined, false}};
  return pattern;
}
/// Judged heads of layer 2, none of layer 5.
StackAnalysis with_patterns(std::vector<HeadPattern> patterns) {
  StackAnalysis stack = two_layers();
  stack.layers[0].heads.clear();
  for (std::size_t h = 0; h < patterns.size(); ++h) stack.layers[0].heads.push_back(static_cast<Index>(h));
  stack.layers[0].patterns = std::move(patterns);
  return stack;
}

LocalityResult local(double score, double uniform) {
  return {Eigen::VectorXd::Constant(4, score), Eigen::VectorXd::Zero(4), score, uniform};
}
ImportanceResult importance(std::initializer_list<double> per_example, Index examples = 1) {
  ImportanceResult result;
  result.mean.per_example = Eigen::VectorXd(static_cast<Index>(per_example.size()));
  std::ranges::copy(per_example, result.mean.per_example.begin());
  result.examples = examples;
  return result;
}
LayerAttribution attributed(Index layer, std::optional<double> lower, std::optional<double> upper) {
  LayerAttribution one;
  one.layer = layer;
  one.readout = "received";
  one.lower = lower;
  one.upper = upper;
  return one;
}
StackAnalysis with_attribution(std::vector<std::vector<LayerAttribution>> elements) {
  StackAnalysis stack = two_layers();
  stack.attribution.emplace().elements = std::move(elements);
  return stack;
}
/// All eight heads; stand_ins: nobody, until they are set.
StackAnalysis compared() {
  StackAnalysis stack = two_layers();
  HeadComparison& comparison = stack.comparison.emplace();
  for (Index layer = 0; layer < 2; ++layer)
    for (Index head = 0; head < 4; ++head) comparison.heads.push_back({layer, head});
  comparison.redundancy.stand_ins.resize(8);
  return stack;
}
StackAnalysis with_rollout(std::vector<Eigen::MatrixXd> maps) {
  StackAnalysis stack = two_layers();
  stack.flow.emplace().rollout = std::move(maps);
  return stack;
}

}  // namespace

TEST_CASE("what is empty has no findings") {
  CHECK(findings(Analysis{}).empty());
  CHECK(told(StackAnalysis{}).empty());
  CHECK(told(two_layers()).empty());
}

TEST_CASE("stacks follow one another, and their names are as they are") {
  Analysis analysis;
  for (const char* name : {"{}\"</script>\n", "self"}) {
    analysis.stacks.push_back(with_patterns({no_role(), no_role()}));
    analysis.stacks.back().name = name;
  }
  CHECK(findings(analysis) == Sentences{"{}\"</script>\n: none of the 2 heads passes a test of a role.",
                                        "self: none of the 2 heads passes a test of a role."});
}

TEST_CASE("heads of a role are grouped by layer, by the model's numbers") {
  StackAnalysis stack =
      with_patterns({pattern("induction", .93, .05), pattern("induction", .98, .05),
                     pattern("induction", .95, .05), no_role(), pattern("induction", .94, .05)});
  stack.layers[0].heads = {7, 9, 8, 6, 3};
  stack.layers[1].patterns = {no_role(), no_role(), pattern("induction", .9, .0451), no_role()};
  CHECK(told(stack) ==
        Sentences{
            "self: 5 of 9 heads attend to what followed an earlier copy of the token (induction): layer 2 "
            "heads 3, 7-9; layer 5 head 2 (weight 0.90 to 0.98; by chance 0.045 to 0.05).",
            "self: 4 of 9 heads pass no test of a role."});
}

TEST_CASE("one head is told in the singular, all heads as all") {
  CHECK(
      told(with_patterns({pattern("same token", .7, .1), no_role()})) ==
      Sentences{"self: 1 of 2 heads attends to its own token: layer 2 head 0 (weight 0.70; by chance 0.10).",
                "self: 1 of 2 heads passes no test of a role."});
  CHECK(sentence(with_patterns({pattern("same token", .7, .1), pattern("same token", .7, .1)})) ==
        "self: all 2 heads attend to their own token: layer 2 heads 0, 1 (weight 0.70; by chance 0.10).");
  CHECK(sentence(with_patterns({pattern("offset -3", .7, .1)})) ==
        "self: the only head attends 3 tokens back: layer 2 head 0 (weight 0.70; by chance 0.10).");
  CHECK(sentence(with_patterns({no_role()})) == "self: the only head passes no test of a role.");
}

TEST_CASE("every role says what its score is, and what it is compared with") {
  const auto says = [](const char* label) { return sentence(with_patterns({pattern(label, .9, .2)})); };
  CHECK_THAT(says("previous token"), ContainsSubstring("attends to the previous token"));
  CHECK_THAT(says("next token"), ContainsSubstring("attends to the next token"));
  CHECK_THAT(says("delimiter"), ContainsSubstring("attends to delimiters"));
  CHECK_THAT(says("duplicate token"), ContainsSubstring("attends to earlier copies of the token"));
  CHECK_THAT(says("offset +2"), ContainsSubstring("attends 2 tokens ahead"));
  CHECK_THAT(says("rare token"), ContainsSubstring("(share of queries 0.90; by chance 0.20)"));
  CHECK_THAT(says("syntactic"), ContainsSubstring("(share of queries 0.90; by the best fixed offset 0.20)"));
  CHECK_THAT(says("semantic"),
             ContainsSubstring("(rank of similarity from -1 to 1 0.90; by position alone 0.20)"));
  CHECK_THAT(says("broad"), ContainsSubstring("(share of the largest entropy 0.90; the threshold 0.20)"));
  CHECK_THAT(says("of tomorrow"), ContainsSubstring("has the role of tomorrow"));
}

TEST_CASE("heads in more than three layers are told by the layer with most of them") {
  StackAnalysis stack;
  stack.name = "self";
  for (Index layer = 0; layer < 4; ++layer) {
    stack.layers.push_back(layer_of(layer, {0, 1}));
    stack.layers.back().patterns = {pattern("broad", .9, .8), pattern("broad", .9, .8)};
  }
  stack.layers[0].patterns.pop_back();
  stack.layers[1].patterns.pop_back();
  CHECK_THAT(sentence(stack),
             ContainsSubstring("all 6 heads attend broadly: in 4 layers, most of them layer 2 "
                               "heads 0, 1 ("));
  stack.layers.pop_back();
  CHECK_THAT(sentence(stack), ContainsSubstring("layer 0 head 0; layer 1 head 0; layer 2 heads 0, 1 ("));
}

TEST_CASE("the three roles with the largest margins have a sentence each, the others one") {
  const Sentences all = told(
      with_patterns({pattern("broad", .9, .8), pattern("delimiter", .7, .2), pattern("next token", .6, .2),
                     pattern("induction", .9, .1), pattern("duplicate token", .6, .3)}));
  REQUIRE(all.size() == 4);
  CHECK_THAT(all[0], ContainsSubstring("induction"));
  CHECK_THAT(all[1], ContainsSubstring("delimiters"));
  CHECK_THAT(all[2], ContainsSubstring("next token"));
  CHECK(all[3] == "self: heads with other roles: duplicate token (1), broad (1).");
}

TEST_CASE("sinks are heads that pass the test of the first token, whatever their label") {
  HeadPattern both = pattern("previous token", .6, .1);
  both.scores.push_back({"first token", .4, .1, .3, undefined, true});
  const Sentences all = told(with_patterns({both, pattern("first token", .5, .1), no_role(.29)}));
  REQUIRE(all.size() == 3);
  CHECK(all[0] ==
        "self: 1 of 3 heads attends to the previous token: layer 2 head 0 (weight 0.60; by chance "
        "0.10).");
  CHECK(all[1] ==
        "self: 2 of 3 heads attend to the first token (attention sinks): layer 2 heads 0, 1 (weight "
        "0.40 to 0.50; by chance 0.10).");
}

TEST_CASE("a head that could not be judged is not one without a role") {
  CHECK(told(with_patterns({HeadPattern{}, HeadPattern{}})).empty());
}

TEST_CASE("redundant groups, the largest first") {
  StackAnalysis stack = compared();
  stack.comparison->redundancy.groups = {{0, 4}, {1, 2, 5}};
  CHECK(
      sentence(stack) ==
      "self: 5 of 8 heads can stand in for one another by their weights, in 2 groups of heads more than 0.9 "
      "alike (1: the same): 2.1, 2.2 and 5.1; 2.0 and 5.0.");
  stack.comparison->redundancy.groups = {{0, 4}, {1, 5}, {2, 6}, {3, 7}};
  CHECK_THAT(sentence(stack), ContainsSubstring("all 8 heads can stand in"));
  CHECK_THAT(sentence(stack), ContainsSubstring("2.2 and 5.2; 1 more group."));
}

TEST_CASE("a large group is told by its first heads") {
  StackAnalysis stack = compared();
  stack.layers[1].heads.push_back(4);
  stack.comparison->heads.push_back({1, 4});
  stack.comparison->redundancy.groups = {{0, 1, 2, 3, 4, 5, 6, 7, 8}};
  CHECK_THAT(sentence(stack), ContainsSubstring("in 1 group of heads"));
  CHECK_THAT(sentence(stack), ContainsSubstring("5.2, 5.3 and 1 more."));
}

TEST_CASE("without redundant heads the most alike are named") {
  StackAnalysis stack = compared();
  CHECK(sentence(stack).empty());  // no similarity is defined
  stack.comparison->redundancy.stand_ins[1] = {6, .7, false};
  stack.comparison->redundancy.stand_ins[6] = {1, .7, false};
  stack.comparison->redundancy.stand_ins[3] = {1, .6, false};
  CHECK(sentence(stack) ==
        "self: no two heads are redundant by their weights: 2.1 and 5.2 are the most alike, 0.70 where 0.9 "
        "would "
        "be redundant and 1 the same.");
}

TEST_CASE("the most important heads of all layers, beside the mean") {
  StackAnalysis stack = two_layers();
  stack.layers[0].pooled.importance = importance({.1, .4, undefined, 0});
  stack.layers[1].pooled.importance = importance({.3, .1, .1, 0}, 16);
  CHECK(sentence(stack) ==
        "self: most important by gradient (per_example, 16 examples): heads 2.1 (0.40), 5.0 "
        "(0.30) and 2.0 (0.10); the mean of 7 heads is 0.14.");
  stack.layers[1].pooled.importance.reset();
  CHECK_THAT(sentence(stack),
             ContainsSubstring("(per_example, 1 example): heads 2.1 (0.40) and 2.0 (0.10); the "
                               "mean of 3 heads is 0.17."));
}

TEST_CASE("gradients of 0 make no head important") {
  StackAnalysis stack = two_layers();
  stack.layers[0].pooled.importance = importance({0, 0, 0, 0});
  CHECK(told(stack).empty());
}

TEST_CASE("attention and the gradient are counted by what their intervals say") {
  const char* chance = " (by 95 % intervals: where there is nothing, 1 in 20 shows an order by chance).";
  const auto start = [](const char* what) {
    return std::string("self: attention (received) and the input gradient order the tokens alike in ") + what;
  };
  CHECK(sentence(with_attribution({{attributed(2, .01, .9), attributed(5, .2, .9)}})) ==
        start("2 of 2 layers") + chance);
  CHECK(sentence(with_attribution({{attributed(2, 0, .9), attributed(5, -.9, -.01)}})) ==
        start("0 of 2 layers, oppositely in 1, with no evidence of either in 1") + chance);
  CHECK(sentence(with_attribution({{attributed(2, .1, .9), attributed(5, {}, {})}})) ==
        start("1 of 1 layer; of 1 more nothing can be said") + chance);
  CHECK(sentence(with_attribution({{attributed(2, .1, .9)}, {attributed(2, -.1, .9)}})) ==
        start("1 of 2 cases (layers of examples), with no evidence of either in 1") + chance);
  CHECK(sentence(with_attribution({{attributed(2, {}, {})}})).empty());
}

TEST_CASE("each readout has its own sentence") {
  StackAnalysis stack = with_attribution({{attributed(2, .1, .9), attributed(2, -.1, .9)}});
  stack.attribution->elements[0][1].readout = "first query";
  const Sentences all = told(stack);
  REQUIRE(all.size() == 2);
  CHECK_THAT(all[0], ContainsSubstring("attention (received)") && ContainsSubstring("alike in 1 of 1 layer"));
  CHECK_THAT(all[1],
             ContainsSubstring("attention (first query)") && ContainsSubstring("alike in 0 of 1 layer"));
}

TEST_CASE("the last layer is local beside the first, and both beside uniform attention") {
  StackAnalysis stack = two_layers();
  const auto from_to = [&](double first, double last) {
    stack.layers[0].pooled.locality = local(first, .2);
    stack.layers[1].pooled.locality = local(last, .3);
    return sentence(stack);
  };
  CHECK(from_to(.84, .41) ==
        "self: the last layer is less local than the first: 0.84 of the weight is within 3 tokens in layer "
        "2, 0.41 "
        "in layer 5; uniform attention would have 0.20 to 0.30.");
  CHECK_THAT(from_to(.5, .551), ContainsSubstring("more local than"));
  CHECK_THAT(from_to(.5, .549), ContainsSubstring("about as local as"));
  CHECK_THAT(from_to(.5, .451), ContainsSubstring("about as local as"));
  CHECK_THAT(from_to(.5, .449), ContainsSubstring("less local than"));
  CHECK(from_to(undefined, .4).empty());
}

TEST_CASE("locality of one layer") {
  StackAnalysis stack = two_layers();
  stack.layers.pop_back();
  stack.layers[0].pooled.locality = local(.6, .2);
  Analysis analysis;
  analysis.window = 1;
  analysis.stacks = {stack};
  CHECK(findings(analysis) ==
        Sentences{"self: 0.60 of the weight of layer 2 is within 1 token; uniform attention "
                  "would have 0.20."});
  analysis.stacks[0].layers[0].pooled.locality = local(1, 1);  // a text no longer than the window
  CHECK(findings(analysis).empty());
}

TEST_CASE("the most and the least diverse layer") {
  StackAnalysis stack = two_layers();
  stack.layers[0].pooled.similarity.diversity_score = .2;
  CHECK(told(stack).empty());
  stack.layers[1].pooled.similarity.diversity_score = .201;
  CHECK(told(stack).empty());  // nobody would see a difference
  stack.layers[1].pooled.similarity.diversity_score = .5;
  CHECK(sentence(stack) ==
        "self: heads differ most in layer 5 (diversity 0.50; 0: all alike) and least in layer 2 "
        "(0.20).");
}

TEST_CASE("the layers where values mix most and least") {
  StackAnalysis stack = two_layers();
  stack.layers[0].values.emplace().mixing.mixing_ratio = .6;
  stack.layers[1].values.emplace().mixing.mixing_ratio = .25;
  CHECK(sentence(stack) ==
        "self: by the norms of values, tokens mix most in layer 2 (ratio 0.60; 0.5: others weigh "
        "as much as the token itself) and least in layer 5 (0.25).");
}

TEST_CASE("rollout is compared with drawing alike on what reaches a token") {
  Eigen::MatrixXd causal(2, 2), other(2, 2);
  causal << 1, 0, .2, .8;
  CHECK(sentence(with_rollout({causal})) ==
        "self: by rollout the top draws most on the first token: a share of 0.60, where it would be 0.75 if "
        "each "
        "token drew alike on all that reach it.");
  other << .1, .9, .5, .5;
  CHECK(sentence(with_rollout({other})) ==
        "self: by rollout the top draws most on token 1, counted from 0: a share of 0.70, where it would be "
        "0.50 if "
        "each token drew alike on all that reach it.");
  CHECK(sentence(with_rollout({causal, other, Eigen::MatrixXd::Ones(1, 1)})) ==
        "self: by rollout the top draws most on the first token in 1 of 2 examples: a share of 0.45 on "
        "average, "
        "where it would be 0.62 if each token drew alike on all that reach it.");
  CHECK(sentence(with_rollout({Eigen::MatrixXd::Ones(1, 1)})).empty());
  CHECK(sentence(with_rollout({})).empty());
}

TEST_CASE("flow says what is limited by its ends alone") {
  StackAnalysis stack = with_rollout({});
  stack.flow->flow.resize(4);
  for (AttentionFlowResult& element : stack.flow->flow) element.flow = Eigen::MatrixXd::Ones(2, 2);
  stack.flow->flow[0].trivial_share = .9;
  stack.flow->flow[1].trivial_share = .8;
  stack.flow->flow[2].trivial_share = 0;
  stack.flow->flow[2].flow = Eigen::MatrixXd::Ones(1, 1);
  CHECK(sentence(stack) ==
        "self: by attention flow, 0.85 of the pairs of tokens are limited by no more than what "
        "leaves the upper or enters the lower one; the layers between limit the others.");
}

TEST_CASE("what two texts give each other") {
  StackAnalysis stack = two_layers();
  for (LayerAnalysis& layer : stack.layers) {
    GroupMassResult& groups = layer.groups.emplace();
    groups.names = {"first text", "second text", "special"};
    groups.uniform_mass = Eigen::MatrixXd::Constant(3, 3, .4);
    groups.uniform_mass(1, 0) = .3;
    groups.mass.assign(2, Eigen::MatrixXd::Constant(3, 3, .1));
    groups.mass[1](0, 1) = .5;
  }
  CHECK(sentence(stack) ==
        "self: the first text gives 0.30 of its weight to the second, the second 0.10 to the "
        "first, mean over all heads; uniform attention would give 0.40 and 0.30.");
  stack.layers[0].groups->mass[0](0, 1) = undefined;
  CHECK(told(stack).empty());
  stack.layers[0].groups->mass[0](0, 1) = 0;
  stack.layers[0].groups->names[1] = "special";
  CHECK(told(stack).empty());
}

TEST_CASE("the plan of pruning") {
  StackAnalysis stack = two_layers();
  stack.pruning = PruningPlan{{{1, 3}, {0, 2}}, {}, 2};
  CHECK(sentence(stack) == "self: the plan of pruning removes 2 of 8 heads, first 5.3 and 2.2.");
  stack.pruning->asked = 3;
  CHECK_THAT(sentence(stack), ContainsSubstring("2 of 8 heads (3 were asked for), first"));
  stack.pruning->order.clear();
  CHECK(told(stack).empty());
}

TEST_CASE("the head that aligns best, beside the mean of all") {
  StackAnalysis stack = two_layers();
  StackAlignment& alignment = stack.alignment.emplace();
  alignment.by_error_rate = true;
  alignment.heads = {{{1, 1}, .01}, {{0, 2}, .21}, {{0, 0}, .5}, {{0, 1}, undefined}};
  CHECK(sentence(stack) ==
        "self: head 5.1 aligns best: error rate (0 is perfect) 0.01; the mean of 3 heads is 0.24.");
  alignment.by_error_rate = false;
  alignment.heads[1].score = .01;
  CHECK(sentence(stack) ==
        "self: heads 5.1 and 2.2 align best: alignment score (1 is perfect) 0.01; the mean of 3 heads is "
        "0.17.");
  alignment.heads[2].score = .01;
  CHECK(told(stack).empty());  // none is best
}

TEST_CASE("a set of heads that aligns better has its rate on sentences held out") {
  StackAnalysis stack = two_layers();
  StackAlignment& alignment = stack.alignment.emplace();
  alignment.by_error_rate = true;
  alignment.heads = {{{1, 1}, .02}, {{0, 2}, .2}};
  HeadSelectionResult& selection = alignment.selection.emplace();
  selection.chosen = {{{1, 1}}, {.02}};
  CHECK(told(stack).size() == 1);
  selection.chosen = {{{1, 1}, {0, 2}}, {.02, .011}};
  CHECK(told(stack).size() == 1);  // held_out is undefined
  selection.held_out.error_rate = .03;
  selection.held_out_single.error_rate = .04;
  REQUIRE(told(stack).size() == 2);
  CHECK(told(stack)[1] ==
        "self: the mean of heads 5.1 and 2.2 aligns with an error rate of 0.011 on the sentences "
        "that chose them; so chosen, expect 0.03 on others, 0.04 of one head alone.");
}
