#include <attnscope/attribution/method_agreement.hpp>
#include <attnscope/io/dump_inputs.hpp>

#include <fstream>
#include <map>
#include <sstream>

#include "support/attention.hpp"
#include "support/catch.hpp"

// What numpy and scipy say of the shipped dumps: make_agreement.py.
using namespace attnscope;

namespace {

using Line = std::vector<std::string>;

std::vector<Line> lines_of(const std::string& kind) {
  std::ifstream file(ATTNSCOPE_TEST_DIR "/attribution/data/agreement.txt");
  std::vector<Line> lines;
  for (std::string text; std::getline(file, text);) {
    std::istringstream words(text);
    Line line;
    for (std::string word; std::getline(words, word, '\t');) line.push_back(word);
    if (line.at(0) == kind) lines.push_back(line);
  }
  return lines;
}
const Dump& dump_of(const std::string& name) {
  static std::map<std::string, Dump> dumps;
  const std::string folder = name == "minilm_pair" ? ATTNSCOPE_EXAMPLE_DATA : ATTNSCOPE_TEST_DIR "/data";
  return dumps.try_emplace(name, read_dump(folder + "/" + name + ".safetensors")).first->second;
}
Readout readout_of(const std::string& name) {
  for (const Readout& readout : {Readout{ReadFrom::first_query},
                                 {ReadFrom::last_query},
                                 {ReadFrom::query, 3},
                                 {ReadFrom::mean},
                                 {ReadFrom::received}})
    if (name_of(readout) == name) return readout;
  FAIL(name);
  return {};
}
const DumpLayer& layer_of(const Dump& dump, std::size_t layer) { return dump.stacks.at(0).layers.at(layer); }

/// Every method that make_agreement.py knows, of layer 1.
std::map<std::string, TokenScores> methods_of(const Dump& dump) {
  const auto gradient = input_gradient(dump).value(), embedding = input_embedding(dump).value();
  const DumpLayer& layer = layer_of(dump, 1);
  const AttentionWithGradient both{layer.attention, layer.gradient.value()};
  std::vector<TokenScores> all{
      attention_scores(layer.attention), attention_scores(layer.attention, {ReadFrom::first_query}),
      attention_times_gradient(both), attention_times_gradient(both, {}, GradientPart::positive)};
  for (const auto score : {GradientScore::l1, GradientScore::l2, GradientScore::signed_sum,
                           GradientScore::times_input, GradientScore::abs_times_input})
    all.push_back(input_gradient_scores(gradient, score, embedding));
  all.push_back(combined_scores(std::vector{all[0], all[4], all[7]}));
  std::map<std::string, TokenScores> by_name;
  for (const TokenScores& scores : all) by_name.emplace(scores.method, scores);
  return by_name;
}
void check_number(std::optional<double> found, const std::string& expected) {
  REQUIRE(found.has_value());
  const double number = std::stod(expected);
  if (std::isnan(number)) CHECK(std::isnan(*found));
  if (!std::isnan(number)) CHECK(*found == Approx(number).epsilon(2e-7).margin(2e-7));
}

}  // namespace

TEST_CASE("every layer of the shipped dumps against the input gradient, by every readout") {
  const std::vector<Line> lines = lines_of("layer");
  REQUIRE(lines.size() == 60);
  for (const Line& line : lines) {
    INFO(line[1] << " " << line[2] << " " << line[3]);
    const Dump& dump = dump_of(line[1]);
    const TokenScores gradient = input_gradient_scores(input_gradient(dump).value());
    const Agreement found = compare_attention_and_attribution(layer_of(dump, std::stoul(line[2])).attention,
                                                              gradient, {.readout = readout_of(line[3])})[0];
    CHECK(found.n == std::stol(line[4]));
    check_number(found.spearman_correlation, line[5]);
    check_number(found.p_value, line[6]);
    check_number(found.kendall_tau, line[7]);
    check_number(found.kendall_p_value, line[8]);
    check_number(found.weighted_kendall, line[9]);
    check_number(found.pearson, line[10]);
    check_number(found.pearson_p_value, line[11]);
  }
}

TEST_CASE("every method's scores") {
  std::map<std::string, std::map<std::string, TokenScores>> methods;
  const std::vector<Line> lines = lines_of("method");
  REQUIRE(lines.size() == 40);
  for (const Line& line : lines) {
    INFO(line[1] << " " << line[2]);
    if (!methods.contains(line[1])) methods[line[1]] = methods_of(dump_of(line[1]));
    const Eigen::VectorXd& scores = methods[line[1]].at(line[2]).scores.at(0);
    const double largest = scores.cwiseAbs().maxCoeff();  // gradients are small
    const double tokens[] = {scores(0), scores(5), scores(scores.size() - 1)};
    for (std::size_t t = 0; t < 3; ++t)
      CHECK(tokens[t] / largest == Approx(std::stod(line[3 + t]) / largest).margin(2e-7));
  }
}

TEST_CASE("methods against one another over three texts") {
  const std::vector<std::string> chosen{"attention (received)", "input gradient", "gradient x input"};
  MethodAgreement corpus(chosen);
  for (const char* name : {"use_lite_cat", "use_lite_pride", "use_lite_alice"}) {
    auto methods = methods_of(dump_of(name));
    std::vector<TokenScores> batch;
    for (const std::string& method : chosen) batch.push_back(methods.at(method));
    corpus.add(batch);
  }
  const MethodAgreementResult result = corpus.result();
  const std::map<std::string, const MethodMatrices*> statistics{{"spearman", &result.spearman_correlation},
                                                                {"kendall", &result.kendall_tau},
                                                                {"pearson", &result.pearson},
                                                                {"top-k", &result.top_k_overlap},
                                                                {"jensen-shannon", &result.jensen_shannon}};
  const std::vector<Line> lines = lines_of("corpus");
  REQUIRE(lines.size() == 40);
  const auto index = [&](const std::string& method) {
    return std::ranges::find(chosen, method) - chosen.begin();
  };
  for (const Line& line : lines) {
    INFO(line[1] << " " << line[2] << " " << line[3]);
    const MethodMatrices& found = *statistics.at(line[1]);
    const Index a = index(line[2]), b = index(line[3]);
    check_number(found.mean(a, b), line[4]);
    check_number(found.spread(a, b), line[5]);
    check_number(found.share_significant(a, b), line[6]);
    CHECK(found.count(a, b) == 3);
  }
}
