// Examples of any names, numbers and places: refused, or counted, kept in a partial and reported in sound
// JSON, CSV and SVG.
#include <attnscope/corpus/partial_file.hpp>
#include <attnscope/report/corpus_figures.hpp>
#include <attnscope/report/corpus_report.hpp>

#include "fuzz/writers/well_formed.hpp"

using namespace attnscope;

TableName name(FuzzedDataProvider& data) {
  constexpr const char* names[] = {"entropies", "entropies_mean", "x"};
  return {data.ConsumeBool() ? "self" : fuzz::text(data, 12),
          data.ConsumeBool() ? fuzz::one_of(data, names) : fuzz::text(data, 12), data.ConsumeBool()};
}
ExampleNumbers example(FuzzedDataProvider& data, Index item) {
  ExampleNumbers one{{item, 0}, fuzz::text(data, 24), fuzz::up_to(data, 40), {}, {}};
  for (auto tables = fuzz::up_to(data, 2); tables > 0; --tables) {
    NumberTable table{name(data), data.ConsumeBool() ? Bins::linear(0, 1, 4) : Bins::octaves(-2, 2, 2), {}};
    if (fuzz::up_to(data, 15) == 0)
      table.bins = {fuzz::number(data), fuzz::number(data), fuzz::up_to(data, 5), data.ConsumeBool()};
    table.values.resize(fuzz::up_to(data, 2), table.name.of_layers ? 1 : fuzz::up_to(data, 2));
    for (double& x : table.values.reshaped()) x = fuzz::number(data);
    one.numbers.push_back(std::move(table));
  }
  for (auto tables = fuzz::up_to(data, 2); tables > 0; --tables)
    one.categories.push_back({name(data), fuzz::up_to(data, 3),
                              fuzz::texts(data, static_cast<std::size_t>(fuzz::up_to(data, 4)))});
  return one;
}
void run(FuzzedDataProvider& data) {
  CorpusPartial partial{{{{fuzz::text(data, 8), fuzz::text(data, 8)}}}, {.replicates = fuzz::up_to(data, 3)}};
  CorpusStatistics all(partial.options);
  const auto blocks = fuzz::up_to(data, 4, 1);
  for (Index b = 0; b < blocks; ++b) {
    CorpusStatistics state(partial.options);
    fuzz::accepted([&] { return state.add(example(data, b)), true; });
    if (!fuzz::accepted([&] { return all.merge(CorpusStatistics(state)), true; })) return;
    partial.blocks.add(b, std::move(state));
  }
  if (const auto bytes = fuzz::accepted([&] { return partial_bytes(partial); })) {
    const CorpusPartial again = parse_partial(*bytes);
    fuzz::expect(partial_bytes(again) == *bytes, "a partial is another after writing and reading");
  }
  const CorpusReport report(partial.run, all);
  const auto json = fuzz::check_json(corpus_report_json(report));
  fuzz::expect(json["examples"] == report.total.examples, "another number of examples");
  fuzz::check_csv(corpus_heads_csv(report));
  fuzz::check_csv(corpus_roles_csv(report));
  for (const Figure& figure : figures(report)) fuzz::check_svg(figure.svg);
}
std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (unsigned seed = 1; seed <= 16; ++seed) {
    std::string bytes = fuzz::seed_text("run") + fuzz::seed_text("1") + fuzz::seed_text("a,\"b\"\r\n.npz");
    unsigned state = seed;
    for (int i = 0; i < 160; ++i) bytes += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    all.push_back(std::move(bytes));
  }
  return all;
}
const fuzz::Register registered("corpus", run, seeds);
