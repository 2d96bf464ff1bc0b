#pragma once
#include <attnscope/layers/comparison.hpp>

#include <array>

namespace attnscope {

/// Whether a layer lies in the first (0), middle (1) or last (2) third of n layers: where its centre does.
/// layer: 0 .. n - 1.
/// Of two layers one is first and one last; of four, two are in the middle.
inline Index third_of_depth(Index layer, Index n) { return 3 * (2 * layer + 1) / (2 * n); }

/// Result of progression().
struct Progression {
  SpreadByLayer spread;       ///< [layer] over heads
  Eigen::Vector3d thirds;     ///< means over the heads in the first, middle and last third of the depth;
                              ///< undefined (NaN) where no layer lies
  double change = undefined;  ///< in the unit of the metric: how much the straight line that fits the layer
                              ///< means best (least squares) rises from the first layer to the last
  double trend = undefined;   ///< -1..1: of all pairs of layers, the share whose deeper layer has the larger
                              ///< mean minus the share whose deeper layer has the smaller one (Mann 1945)
};

/// A number of the heads against depth. values: [layer] of [head], the layers in the order of their depth and
/// all of them; undefined heads are passed over. change and trend are undefined below two layers that have a
/// mean.
inline Progression progression(const std::vector<Eigen::VectorXd>& values) {
  const Index layers = static_cast<Index>(values.size());
  Progression result{spread_by_layer(values), Eigen::Vector3d::Zero()};
  std::array<double, 3> heads{};
  for (Index l = 0; l < layers; ++l)
    for (const double value : values[static_cast<std::size_t>(l)])
      if (!std::isnan(value)) {
        result.thirds(third_of_depth(l, layers)) += value;
        ++heads[static_cast<std::size_t>(third_of_depth(l, layers))];
      }
  for (std::size_t third = 0; third < heads.size(); ++third)
    result.thirds(static_cast<Index>(third)) /= heads[third];

  const Eigen::VectorXd& mean = result.spread.mean;
  double pairs = 0, rising = 0, products = 0, squares = 0;
  for (Index deep = 0; deep < layers; ++deep)
    for (Index shallow = 0; shallow < deep; ++shallow) {
      const double rise = mean(deep) - mean(shallow), run = static_cast<double>(deep - shallow);
      if (std::isnan(rise)) continue;
      pairs += 1;
      rising += rise > 0 ? 1 : rise < 0 ? -1 : 0;
      products += rise * run;
      squares += run * run;
    }
  if (pairs == 0) return result;
  // The slope of least squares is sum (x - mean x)(y - mean y) / sum (x - mean x)^2, and both sums are those
  // over all pairs, divided by the number of layers.
  result.change = products / squares * static_cast<double>(layers - 1);
  result.trend = rising / pairs;
  return result;
}

/// Result of locality_progression().
struct LocalityProgression {
  Progression locality;              ///< of LocalityResult::locality
  Eigen::VectorXd uniform_locality;  ///< [layer] what uniform attention over the visible keys would score
  Eigen::VectorXd excess;            ///< [layer] the mean over heads minus that: what the layer itself adds
};

/// Locality against depth, beside its baseline: that is what tells a local layer from a short text. layers:
/// [layer] in the order of their depth and all of them.
inline LocalityProgression locality_progression(const std::vector<HeadNumbers>& layers) {
  LocalityProgression result{progression(detail::values_by_layer(layers, &HeadNumbers::locality)),
                             detail::uniform_by_layer(layers),
                             {}};
  result.excess = result.locality.spread.mean - result.uniform_locality;
  return result;
}

}  // namespace attnscope
