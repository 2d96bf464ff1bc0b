#pragma once
#include <attnscope/core/errors.hpp>

#include <unsupported/Eigen/SpecialFunctions>

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

/// Where a number lies that was estimated from a sample; NaN where nothing can be said.
struct ConfidenceInterval {
  double lower = std::numeric_limits<double>::quiet_NaN();  ///< its least
  double upper = std::numeric_limits<double>::quiet_NaN();  ///< its most
};

/// Wilson's interval of a share, from `hits` of `trials` independent trials (Wilson 1927): the shares p whose
/// |hits / trials - p| is at most q sqrt(p (1 - p) / trials), q the normal quantile. Within 0..1, and of no
/// trial NaN. Near 0 and 1, where the textbook's plus and minus has no width, it keeps its level (Brown et
/// al. 2001). confidence: above 0 and below 1.
/// @throws ValueError hits not within 0 .. trials; confidence
inline ConfidenceInterval wilson_interval(double hits, double trials, double confidence = .95) {
  require<ValueError>(confidence > 0 && confidence < 1, "confidence = {} is not between 0 and 1", confidence);
  require<ValueError>(hits >= 0 && hits <= trials, "{} hits of {} trials", hits, trials);
  if (trials == 0) return {};
  const double q = Eigen::numext::ndtri((1 + confidence) / 2), share = hits / trials;
  const double scale = 1 + q * q / trials, centre = (share + q * q / (2 * trials)) / scale;
  const double reach = q / scale * std::sqrt(share * (1 - share) / trials + q * q / (4 * trials * trials));
  return {hits == 0 ? 0 : std::max(0., centre - reach), hits == trials ? 1 : std::min(1., centre + reach)};
}

}  // namespace attnscope
