#pragma once
#include <attnscope/alignment/links.hpp>
#include <attnscope/source/rewritten.hpp>
#include <attnscope/sweep.hpp>

namespace attnscope {

/// The cross-attention of one sentence pair as matrices, for whatever needs a whole map.
struct SentenceMaps {
  std::vector<Eigen::MatrixXd> heads;  ///< [head] of [target x source], 0 where nothing may be seen
  TokensLeftOut left_out;              ///< what the source excludes; its rows and columns are 0
};

namespace detail {

template <typename Reader>
SentenceMaps read_sentence(Reader& reader, const Layout& layout, Index example) {
  SentenceMaps maps;
  const Index targets = layout.queries(example), sources = layout.keys(example);
  maps.heads.assign(static_cast<std::size_t>(layout.shape().heads), Eigen::MatrixXd::Zero(targets, sources));
  for (const Range& run : layout.shown_queries(example)) {
    const auto block = reader.read(example, run);
    for (Index h = 0; h < block.heads(); ++h) {
      check_rows(block.head(h), RowCheck::distribution, SweepOptions().row_sum_tolerance);
      maps.heads[static_cast<std::size_t>(h)].block(run.first, 0, run.size(), block.keys()) =
          block.head(h).matrix().template cast<double>();
    }
  }
  const Mask& mask = layout.mask();
  const auto e = static_cast<std::size_t>(example);
  if (!mask.excluded_queries.empty()) maps.left_out.targets = mask.excluded_queries[e];
  if (!mask.excluded_keys.empty()) maps.left_out.sources = mask.excluded_keys[e];
  return maps;
}

}  // namespace detail

/// act(example, SentenceMaps) for every example of attention [batch, head, target, source], one in memory at
/// a time. @throws ValueError a row that is no distribution, naming batch element, head, query, key and
/// weight; what act throws
template <Attention A, typename Act>
void each_sentence(const A& attention, const Act& act) {
  const auto source = source_of(attention);
  auto reader = source.reader();
  for (Index b = 0; b < source.layout().shape().batch; ++b)
    act(b, detail::read_sentence(reader, source.layout(), b));
}

/// [example] of [head] the links of every map, see extract_links(); excluded tokens have none.
/// @throws what each_sentence and extract_links throw
template <Attention A>
std::vector<std::vector<AlignmentLinks>> sentence_links(const A& attention, const LinkOptions& options = {}) {
  std::vector<std::vector<AlignmentLinks>> all;
  each_sentence(attention, [&](Index, const SentenceMaps& maps) {
    std::vector<AlignmentLinks>& heads = all.emplace_back();
    for (const Eigen::MatrixXd& map : maps.heads) heads.push_back(extract_links(map, options, maps.left_out));
  });
  return all;
}

/// [example] the links of one head. @throws also ShapeError a head that is not there
template <Attention A>
std::vector<AlignmentLinks> links_of_head(const A& attention, Index head, const LinkOptions& options = {}) {
  std::vector<AlignmentLinks> all;
  for (std::vector<AlignmentLinks>& heads : sentence_links(select_heads(attention, {head}), options))
    all.push_back(std::move(heads.front()));
  return all;
}

}  // namespace attnscope
