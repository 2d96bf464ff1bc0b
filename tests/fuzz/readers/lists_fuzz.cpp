// What the programs read beside dumps: lists of files, names of figures with *, shards of a list.
#include <attnscope/corpus/shard.hpp>

#include <sstream>

#include "../examples/analyze/figure_choice.hpp"
#include "../examples/corpus/file_list.hpp"
#include "fuzz/fuzz.hpp"

/// The definition, without care for its cost.
bool plainly_matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] != '*')
    return !name.empty() && name[0] == pattern[0] && plainly_matches(pattern.substr(1), name.substr(1));
  return plainly_matches(pattern.substr(1), name) ||
         (!name.empty() && plainly_matches(pattern, name.substr(1)));
}
void run(FuzzedDataProvider& data) {
  const std::string pattern = fuzz::text(data, 8), name = fuzz::text(data, 10);
  fuzz::expect(matches(pattern, name) == plainly_matches(pattern, name),
               "a pattern that matches what it should not, or not");
  const FigureChoice choice({pattern, name});
  fuzz::expect(
      choice.unknown({name}) == std::nullopt || !matches(pattern, name) || name == "none" || name == "all",
      "a name that is there is unknown");
  const Eigen::Index block = fuzz::up_to(data, 5, 1),
                     number = data.ConsumeIntegral<Eigen::Index>() >> fuzz::up_to(data, 63),
                     count = data.ConsumeIntegral<Eigen::Index>() >> fuzz::up_to(data, 63);
  std::istringstream lines(fuzz::rest_text(data));
  const attnscope::CorpusList list{listed_files(lines), block};
  for (const std::string& file : list.names)
    fuzz::expect(!file.empty() && file.find('\n') == file.npos, "a name of no file");
  const attnscope::Range shard = list.shard(number, count);
  fuzz::expect(0 <= shard.first && shard.first <= shard.last && shard.last <= list.blocks(),
               "a shard outside the list");
}
std::vector<std::string> seeds() {
  return {fuzz::seed_text("*.roles") + fuzz::seed_text("self.roles") + "a.npz\nb.npz\n\nc",
          fuzz::seed_text("a*b*") + fuzz::seed_text("aabb") + std::string(40, '\1')};
}
const fuzz::Register registered("lists", run, seeds);
