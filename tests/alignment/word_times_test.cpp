#include <attnscope/alignment/word_times.hpp>

#include "support/catch.hpp"

#include <fstream>
#include <sstream>

using namespace attnscope;
using Heads = std::vector<Eigen::MatrixXd>;

namespace {

/// The logits of make_word_times.py.
Heads made_logits() {
  Heads heads(3, Eigen::MatrixXd(9, 40));
  for (int head = 0; head < 3; ++head)
    for (int i = 0; i < 9; ++i)
      for (int j = 0; j < 40; ++j) {
        const double from = j - 4 * i - 2 - head;
        const double near = head < 2 ? 6 * std::exp(-from * from / 12) : 0;
        heads[static_cast<std::size_t>(head)](i, j) =
            near + 1.5 * std::sin(1 + 2.3 * head + 1.7 * i + .9 * j + .31 * i * j) + .02 * j;
      }
  return heads;
}
Heads softmax(Heads heads) {
  for (Eigen::MatrixXd& head : heads) {
    head = head.array().exp();
    const Eigen::VectorXd sums = head.rowwise().sum();
    for (Index i = 0; i < head.rows(); ++i) head.row(i) /= sums(i);
  }
  return heads;
}

std::vector<std::vector<double>> expected(const std::string& kind) {
  std::ifstream file(ATTNSCOPE_TEST_DIR "/alignment/data/word_times.dat");
  std::vector<std::vector<double>> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    if (words >> first; first != kind) continue;
    rows.emplace_back();
    for (double number; words >> number;) rows.back().push_back(number);
  }
  return rows;
}
bool starts_at(const std::vector<TimeSpan>& tokens, const std::vector<double>& frames, double rate = 50) {
  bool same = tokens.size() == frames.size();
  for (std::size_t t = 0; same && t < tokens.size(); ++t) same = tokens[t].start == frames[t] / rate;
  return same;
}
const Heads two_tokens{Eigen::MatrixXd{{.9, .1, 0, 0}, {0, 0, .2, .8}}};

}  // namespace

TEST_CASE("medians, mirrored at the ends") {
  const Eigen::VectorXd x{{3., 1., 2., 9., 4.}};
  CHECK(median_filter(x, 3) == Eigen::VectorXd{{1., 2., 2., 4., 9.}});
  CHECK(median_filter(x, 1) == x);
  CHECK(median_filter(x, 11) == x);  // too short
  CHECK(median_filter(x.head(2), 3) == Eigen::VectorXd{{1., 3.}});
  const auto median_of = [](std::vector<double> all) {
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
  };
  // Five numbers are just enough for nine.
  CHECK(median_filter(x, 9)(2) == median_of({2, 1, 3, 1, 2, 9, 4, 9, 2}));
  CHECK(median_filter(x, 9)(0) == median_of({4, 9, 2, 1, 3, 1, 2, 9, 4}));
}

TEST_CASE("medians are what sorting gives") {
  Eigen::VectorXd x(60);
  for (Index i = 0; i < 60; ++i) x(i) = static_cast<double>(i * i * 37 % 23);
  for (const Index width : {3, 5, 7, 21}) {
    const Eigen::VectorXd medians = median_filter(x, width);
    for (Index i = 0; i < 60; ++i) {
      std::vector<double> window;
      for (Index k = i - width / 2; k <= i + width / 2; ++k)
        window.push_back(x(k < 0 ? -k : k < 60 ? k : 118 - k));
      std::sort(window.begin(), window.end());
      CHECK(medians(i) == window[static_cast<std::size_t>(width / 2)]);
    }
  }
}

TEST_CASE("numpy's cost and times, from logits and from probabilities") {
  const TokenTimesOptions logits{.weights = FrameWeights::logits, .skip_first = 1};
  const TokenTimesResult result = token_times(made_logits(), logits);
  const auto cost = expected("cost");
  REQUIRE(cost.size() == 8);
  double apart = 0;
  for (Index i = 0; i < 8; ++i)
    for (Index j = 0; j < 40; ++j)
      apart = std::max(apart, std::abs(result.cost(i, j) -
                                       cost[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]));
  CHECK(apart < 1e-10);
  CHECK(starts_at(result.tokens, expected("times")[0]));
  CHECK(result.path == time_warping(result.cost).path);
  CHECK(token_times(softmax(made_logits()), {.skip_first = 1}).tokens == result.tokens);

  TokenTimesOptions cut{.weights = FrameWeights::logits, .frames = 30, .median_width = 3};
  CHECK(starts_at(token_times(made_logits(), cut).tokens, expected("times")[1]));
  cut.frames_per_second = 25;
  CHECK(starts_at(token_times(made_logits(), cut).tokens, expected("times")[1], 25));
}

TEST_CASE("a token ends where the next one starts, the last one with the frames") {
  const TokenTimesResult result = token_times(two_tokens, {.median_width = 1, .frames_per_second = 1});
  CHECK(result.tokens == std::vector<TimeSpan>{{0, 2}, {2, 4}});
  const auto tokens = token_times(made_logits(), {.weights = FrameWeights::logits, .skip_last = 1}).tokens;
  CHECK(tokens.size() == 8);
  for (std::size_t t = 1; t < tokens.size(); ++t) CHECK(tokens[t - 1].end == tokens[t].start);
  CHECK(tokens.front().start == 0);
  CHECK(tokens.back().end == Approx(40. / 50));
}

TEST_CASE("words begin with their first token") {
  const std::vector<TimeSpan> tokens{{0, 1}, {1, 4}, {4, 4}, {4, 7}, {7, 8}};
  CHECK(word_times(tokens, std::vector<Index>{0, 0, 1, 1, 2}) ==
        std::vector<TimeSpan>{{0, 4}, {4, 7}, {7, 8}});
  CHECK(word_times({}, {}).empty());
}

TEST_CASE("frames on which tokens do not differ say nothing") {
  Heads heads{Eigen::MatrixXd{{.1, .3, .1, .5}, {.1, .1, .3, .5}}};
  const TokenTimesResult result = token_times(heads, {.median_width = 1});
  CHECK(result.cost.col(0) == Eigen::VectorXd::Zero(2));
  CHECK(result.cost.col(3) == Eigen::VectorXd::Zero(2));
  CHECK(result.cost(0, 1) == Approx(-1));
  CHECK(result.cost(1, 1) == Approx(1));
  // One token has nothing to differ from.
  const TokenTimesResult one = token_times({Eigen::MatrixXd{{.5, .25, .25}}});
  CHECK(one.cost == Eigen::MatrixXd::Zero(1, 3));
  CHECK(one.tokens == std::vector<TimeSpan>{{0, .06}});
  // Hidden frames, a shifted row: softmax knows neither.
  const double hidden = -std::numeric_limits<double>::infinity();
  heads = {Eigen::MatrixXd{{3, 1, hidden}, {1, 3, hidden}}};
  const auto logits = token_times(heads, {.weights = FrameWeights::logits, .median_width = 1});
  CHECK(logits.cost.col(2) == Eigen::VectorXd::Zero(2));
  heads[0].row(0).array() += 900;
  CHECK((token_times(heads, {.weights = FrameWeights::logits, .median_width = 1}).cost - logits.cost).norm() <
        1e-9);
}

TEST_CASE("the references' ties are handed on") {
  const Heads heads = made_logits();
  const TokenTimesOptions theirs{.weights = FrameWeights::logits, .whisper_ties = true};
  CHECK(token_times(heads, theirs).path ==
        time_warping(token_times(heads, theirs).cost, {.whisper_ties = true}).path);
  // One column: everything is equal, and ties send them along the row.
  Heads flat{Eigen::MatrixXd::Constant(3, 3, .25)};
  CHECK(token_times(flat, {.whisper_ties = true}).path != token_times(flat).path);
}

TEST_CASE("tiny weights of a frame are compared like others") {
  // Frame 1 weighs exp(-400) and exp(-500), whose squares are 0.
  const Heads heads{Eigen::MatrixXd{{0, -400, -1}, {0, -500, -2}}};
  const auto result = token_times(heads, {.weights = FrameWeights::logits, .median_width = 1});
  CHECK(result.cost.isApprox(Eigen::MatrixXd{{1, -1, -1}, {-1, 1, 1}}, 1e-12));
}

TEST_CASE("what has no times") {
  using Options = TokenTimesOptions;
  const auto shape = [](const Heads& heads, Options options = {}) {
    return message_of<ShapeError>([&] { token_times(heads, options); });
  };
  const auto value = [](const Heads& heads, Options options = {}) {
    return message_of<ValueError>([&] { token_times(heads, options); });
  };
  CHECK(shape({}) == "the times of no heads");
  CHECK(shape({two_tokens[0], Eigen::MatrixXd(2, 3)}) == "head 1: 2 tokens x 3 frames, but head 0 has 2 x 4");
  CHECK(shape(two_tokens, {.frames = 5}) == "5 frames of 4");
  CHECK(shape({Eigen::MatrixXd(2, 0)}) == "0 frames of 0");
  CHECK(shape(two_tokens, {.skip_first = 1, .skip_last = 1}) ==
        "skipping 1 tokens before and 1 after the text leaves none of 2");
  CHECK(value(two_tokens, {.median_width = 4}) == "head 0: a median of 4 numbers: the width must be odd");
  CHECK(value(two_tokens, {.frames_per_second = 0}) == "frames_per_second = 0 is not above 0");
  CHECK(value(two_tokens, {.frames_per_second = 5e-324}) ==
        "frames_per_second = 5e-324: 4 frames last longer than can be counted");
  CHECK(value({two_tokens[0], Eigen::MatrixXd{{.5, .5, 0, 0}, {.5, -.5, 0, 0}}}) ==
        "head 1: token 1, frame 1: the probability is -0.5");
  CHECK(value({Eigen::MatrixXd{{3, 1}, {1, 3}}}) ==
        "head 0: token 0: the probabilities sum to 4, more than 1 (logits?)");
  const double nothing = std::nan(""), hidden = -std::numeric_limits<double>::infinity();
  CHECK(value({Eigen::MatrixXd{{3, 1}, {1, nothing}}}, {.weights = FrameWeights::logits}) ==
        "head 0: token 1, frame 1: the logit is nan");
  CHECK(value({Eigen::MatrixXd{{3, 1}, {hidden, hidden}}}, {.weights = FrameWeights::logits}) ==
        "head 0: token 1: the largest logit is -inf");
  CHECK(message_of<ValueError>([&] {
          median_filter(Eigen::VectorXd{{1., nothing, 2.}}, 3);
        }) == "x[1] is nan");
  CHECK(message_of<ShapeError>([] {
          word_times({{0, 1}}, std::vector<Index>{0, 1});
        }) == "the times of 1 tokens, but words for 2");
  CHECK(message_of<ShapeError>([] {
          word_times({{0, 1}}, std::vector<Index>{1});
        }) ==
        "token 0 is of word 1, but 0 is expected: words are numbered 0, 1, ... in the order of the tokens");
}
