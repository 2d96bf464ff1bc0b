#pragma once
#include <attnscope/io/dump.hpp>
#include <attnscope/layers/drift.hpp>
#include <attnscope/report/csv.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace attnscope {

/// What drift_report() compares.
struct DriftReportOptions {
  DriftOptions drift{};                                 ///< see drift()
  SweepOptions sweep{};                                 ///< threads; progress is called for each layer anew
  std::function<void(const std::string& what)> step{};  ///< told what begins, such as "self, layer 3"
};

/// How far a layer of one dump is from the same layer of another.
struct LayerDrift {
  Index layer = 0;           ///< its index in the model
  std::vector<Index> heads;  ///< the model's numbers of the heads of the first dump
  std::vector<Index> other;  ///< those of the second one
  DriftResult drift;         ///< from the first to the second
};
/// How far the layers of a stack are.
struct StackDrift {
  std::string name;                ///< of both
  std::vector<LayerDrift> layers;  ///< in rising order
};
/// How far the attention of one dump is from another's, on the same tokens.
struct DriftReport {
  std::string source;              ///< the name of the first dump
  std::string other;               ///< that of the second one
  std::vector<StackDrift> stacks;  ///< in the order of the first dump
};

namespace detail {

/// @throws ShapeError a stack or layer of `dump` that `other` lacks, naming it
inline void require_layers_of(const Dump& dump, const Dump& other) {
  for (const DumpStack& stack : dump.stacks) {
    const auto found = std::ranges::find(other.stacks, stack.name, &DumpStack::name);
    require<ShapeError>(found != other.stacks.end(), "the stack {} of {} is not in {}", stack.name, dump.name,
                        other.name);
    for (const DumpLayer& layer : stack.layers)
      require<ShapeError>(
          std::ranges::find(found->layers, layer.index, &DumpLayer::index) != found->layers.end(),
          "{}.{} of {} is not in {}", stack.name, layer.index, dump.name, other.name);
  }
}

/// @throws ValueError tokens that are named, and not alike
inline void require_same_tokens(const char* side, const metadata::TokenLists& first,
                                const metadata::TokenLists& second) {
  for (std::size_t b = 0; b < std::min(first.size(), second.size()); ++b)
    for (std::size_t i = 0; i < std::min(first[b].size(), second[b].size()); ++i)
      require<ValueError>(first[b][i] == second[b][i],
                          "batch element {}: {} token {} is \"{}\" in one dump and \"{}\" in the other", b,
                          side, i, printable(first[b][i], 40), printable(second[b][i], 40));
}

inline LayerDrift layer_drift(const DumpLayer& layer, const DumpLayer& other, const DriftReportOptions& how) {
  return {layer.index, layer.heads, other.heads,
          drift(layer.attention, other.attention, how.drift, how.sweep)};
}

}  // namespace detail

/// The drift of every layer from one dump to another: see drift(). Both have the same stacks and layers, and
/// the same tokens, batch and masks; the numbers of heads may differ.
/// @throws ShapeError dumps that are not alike, naming stack and layer; ValueError tokens that are not; what
/// sweep throws
inline DriftReport drift_report(const Dump& dump, const Dump& other, const DriftReportOptions& options = {}) {
  detail::require_layers_of(dump, other);
  detail::require_layers_of(other, dump);
  DriftReport report{dump.name, other.name, {}};
  const std::string both = fmt::format("{} beside {}", dump.name, other.name);
  for (const DumpStack& stack : dump.stacks) {
    const DumpStack& second = *std::ranges::find(other.stacks, stack.name, &DumpStack::name);
    in_context(fmt::format("{}: {}", both, stack.name), [&] {
      detail::require_same_tokens("query", stack.queries.tokens, second.queries.tokens);
      detail::require_same_tokens("key", stack.keys.tokens, second.keys.tokens);
    });
    StackDrift& to = report.stacks.emplace_back(StackDrift{stack.name, {}});
    for (const DumpLayer& layer : stack.layers) {
      if (options.step) options.step(fmt::format("{}, layer {}", stack.name, layer.index));
      const DumpLayer& beside = *std::ranges::find(second.layers, layer.index, &DumpLayer::index);
      in_context(fmt::format("{}: {}.{}", both, stack.name, layer.index),
                 [&] { to.layers.push_back(detail::layer_drift(layer, beside, options)); });
    }
  }
  return report;
}

/// drift.csv, tidy: stack,layer,head,metric,value. Of each head its distance from the head of its number
/// (total_variation, jensen_shannon, and max_… of the query where they are largest) and the change of each
/// number (change_entropies, …), then matched_head, the head of the other dump that it is matched with, and
/// matched_…, the distances from that one. RFC 4180 with "\r\n"; an undefined value is empty.
inline std::string drift_csv(const DriftReport& report) {
  std::string csv = "stack,layer,head,metric,value\r\n";
  for (const StackDrift& stack : report.stacks)
    for (const LayerDrift& layer : stack.layers)
      for (std::size_t h = 0; h < layer.heads.size(); ++h) {
        const auto row = [&](std::string_view metric, double value) {
          csv += fmt::format("{},{},{},{},{}\r\n", detail::csv_field(stack.name), layer.layer, layer.heads[h],
                             metric, detail::csv_field(value));
        };
        const auto distances = [&](const std::string& prefix, const HeadDrift& drift) {
          const Index head = static_cast<Index>(h);
          row(prefix + "total_variation", drift.total_variation(head));
          row(prefix + "max_total_variation", drift.max_total_variation(head));
          row(prefix + "jensen_shannon", drift.jensen_shannon(head));
          row(prefix + "max_jensen_shannon", drift.max_jensen_shannon(head));
        };
        distances("", layer.drift.in_place);
        for (const auto& [name, values] : head_number_list)
          row(fmt::format("change_{}", name), (layer.drift.in_place.change.*values)(static_cast<Index>(h)));
        const Index partner = layer.drift.matched.partner[h];
        row("matched_head",
            partner < 0 ? undefined : static_cast<double>(layer.other[static_cast<std::size_t>(partner)]));
        distances("matched_", layer.drift.matched);
      }
  return csv;
}

}  // namespace attnscope
