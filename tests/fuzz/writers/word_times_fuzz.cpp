// Attention of tokens on frames, of any numbers: refused, or times in order within the sound.
#include <attnscope/alignment/word_times.hpp>

#include "fuzz/fuzz.hpp"

using namespace attnscope;

void run(FuzzedDataProvider& data) {
  const Index tokens = fuzz::up_to(data, 5), frames = fuzz::up_to(data, 9), count = fuzz::up_to(data, 3);
  const bool tame = data.ConsumeBool();
  std::vector<Eigen::MatrixXd> heads;
  for (Index h = 0; h < count; ++h) {
    Eigen::MatrixXd head(tokens, frames);
    for (double& x : head.reshaped())
      x = tame ? data.ConsumeIntegral<std::uint8_t>() / 2560. : fuzz::number(data);
    heads.push_back(std::move(head));
  }
  TokenTimesOptions options{
      .weights = data.ConsumeBool() ? FrameWeights::logits : FrameWeights::probabilities,
      .whisper_ties = data.ConsumeBool()};
  if (data.ConsumeBool()) options.frames = fuzz::up_to(data, 12, -1);
  options.median_width = fuzz::up_to(data, 12, -1) > 8 ? fuzz::up_to(data, 12, -1) : 3;
  options.skip_first = fuzz::up_to(data, 2, -1);
  options.skip_last = fuzz::up_to(data, 2, -1);
  if (fuzz::up_to(data, 7) == 0) options.frames_per_second = fuzz::number(data);
  const TokenTimesResult result = token_times(heads, options);
  double at = 0;
  for (const TimeSpan& token : result.tokens) {
    fuzz::expect(at <= token.start && token.start <= token.end && std::isfinite(token.end),
                 "times that are out of order");
    at = token.start;
  }
  std::vector<Index> words;
  for (std::size_t t = 0; t < result.tokens.size(); ++t) words.push_back(fuzz::up_to(data, 4, -1));
  fuzz::accepted([&] { return word_times(result.tokens, words).size(); });
}
std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::string bytes;
    unsigned state = seed;
    for (int i = 0; i < 160; ++i) bytes += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    all.push_back(std::move(bytes));
  }
  return all;
}
const fuzz::Register registered("word_times", run, seeds);
