// A partial of a corpus: a file, or the statements of a sound one changed, behind a header and a fingerprint
// that are right.
#include <attnscope/corpus/shard.hpp>

#include "corpus/read_everything.hpp"
#include "fuzz/fuzz.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;

const std::pair<RawTensors, Metadata>& sound() {
  static CorpusPartial partial{{{{"window", "3"}, {"files", "4"}, {"block", "2"}}}, {.replicates = 3}};
  static const auto parts = [] {
    for (Eigen::Index e = 0; e < 2; ++e) {
      CorpusStatistics state(partial.options);
      const Eigen::ArrayXXd values = Eigen::ArrayXXd::Constant(1, 2, e == 0 ? undefined : .5);
      state.add({{e, 0},
                 "a",
                 10 * (e + 1),
                 {{{"s", "n"}, Bins::linear(0, 1, 2), values}, {{"s", "o"}, Bins::octaves(-1, 1, 2), values}},
                 {{{"s", "r"}, 2, {"x", "y"}}}});
      partial.blocks.add(2 * e, std::move(state));
    }
    return detail::partial::stored(partial);
  }();
  return parts;
}
void merge(std::span<const std::byte> bytes) {
  static const test::TemporaryFolder folder;
  std::filesystem::remove(folder / "shard");  // as tokens_fuzz.cpp says
  test::write_text(folder / "shard", fuzz::string_of(bytes));
  fuzz::accepted([&] { return merged_shards({folder / "shard"}).blocks.size(); });
}
void read(std::span<const std::byte> bytes) {
  const CorpusPartial partial = parse_partial(bytes);
  const auto written = fuzz::accepted([&] { return partial_bytes(partial); });
  if (written)
    fuzz::expect(partial_bytes(parse_partial(*written)) == *written,
                 "a partial is another after writing and reading");
  test::read_everything(partial);
  fuzz::accepted([&] { return total_of(partial).total().examples; });
  merge(bytes);
}
void run(FuzzedDataProvider& data) {
  if (data.ConsumeBool()) return read(fuzz::rest(data));
  auto [tensors, metadata] = sound();
  CorpusRun all;
  for (auto fields = fuzz::up_to(data, 3); fields > 0; --fields)
    all.fields[fuzz::text(data)] = fuzz::text(data);
  if (data.ConsumeBool()) metadata["bootstrap"] = fuzz::text(data, 200);
  if (data.ConsumeBool()) metadata["shard"] = fuzz::text(data);
  metadata["nodes"] = fuzz::text(data, 4000);
  metadata["run"] = detail::partial::json_of(all.fields);
  metadata["fingerprint"] = all.fingerprint();
  read(safetensors_bytes(tensors, metadata));
}
std::vector<std::string> seeds() {
  const auto& [tensors, metadata] = sound();
  const std::string nodes = metadata.at("nodes");
  return {fuzz::string_of(safetensors_bytes(tensors, metadata)) + '\1',
          fuzz::seed_text(nodes) + std::string("\0\0\0\0", 4),
          fuzz::seed_text("files") + fuzz::seed_text("4") + fuzz::seed_text("block") + fuzz::seed_text("2") +
              fuzz::seed_text(metadata.at("bootstrap")) + fuzz::seed_text("2/3") + fuzz::seed_text(nodes) +
              std::string("\1\1\2\0", 4)};
}
const fuzz::Register registered("partial", run, seeds);
