#pragma once
#include <attnscope/corpus/partial_file.hpp>

namespace attnscope::test {

/// Works out all that is known of a partial.
inline void read_everything(const CorpusPartial& partial) {
  for (const auto& [first, node] : partial.blocks.nodes()) {
    CorpusStatistics all;
    all.merge(CorpusStatistics(node.state));
    const BucketStatistics total = all.total();
    for (const auto& [name, one] : total.numbers) {
      one.quantile(.5);
      one.standard_error();
      one.each_extreme([&](std::uint64_t place) { all.name_of(place); });
      if (one.layers() * one.heads() > 0) one.interval_of_mean(0, 0);
    }
    for (const auto& [name, one] : total.categories)
      if (one.layers() * one.heads() > 0) one.interval_of_layer_share(one.most_frequent(0, 0), 0);
  }
}

}  // namespace attnscope::test
