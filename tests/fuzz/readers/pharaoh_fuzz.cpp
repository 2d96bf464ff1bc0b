// Alignments in the format of Pharaoh: what is read is written and read again; links of any numbers are
// written, or refused.
#include <attnscope/alignment/pharaoh.hpp>

#include "fuzz/fuzz.hpp"

void check(const std::vector<attnscope::GoldLinks>& sentences, const attnscope::PharaohOptions& options) {
  const std::string text = attnscope::pharaoh_text(sentences, options);
  const auto again = attnscope::parse_pharaoh(text, options);
  fuzz::expect(again.size() == sentences.size(), "another number of sentences after writing and reading");
  fuzz::expect(attnscope::pharaoh_text(again, options) == text, "links are others after writing and reading");
}
void run(FuzzedDataProvider& data) {
  const attnscope::PharaohOptions options{
      .first = data.ConsumeBool() ? 1 : 0,
      .most_words = fuzz::one_of(
          data, std::vector<Eigen::Index>{1000000, 3, 0, std::numeric_limits<Eigen::Index>::max()}),
      .possible = data.ConsumeBool() ? '?' : 'p'};
  if (data.ConsumeBool()) return check(attnscope::parse_pharaoh(fuzz::rest_text(data), options), options);
  std::vector<attnscope::GoldLinks> sentences(1);
  while (data.remaining_bytes() > 0) {
    if (data.ConsumeBool()) sentences.emplace_back();
    auto& links = data.ConsumeBool() ? sentences.back().sure : sentences.back().possible;
    const bool any = fuzz::up_to(data, 15) == 0;
    const auto word = [&] { return any ? data.ConsumeIntegral<Eigen::Index>() : fuzz::up_to(data, 5); };
    links.push_back({word(), word()});
  }
  check(sentences, options);
}
std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const char* text : {"0-0 1-2 1p3\n", "1-1\t2?2\r\n\n3-1", "0-0 0p0\n", "9223372036854775807-0"})
    for (const char* numbers : {"\1\0\0\0", "\1\1\0\1", "\1\1\1\1", "\1\0\3\0"})
      all.push_back(text + std::string(numbers, 4));
  all.push_back(std::string(64, '\5'));
  return all;
}
const fuzz::Register registered("pharaoh", run, seeds);
