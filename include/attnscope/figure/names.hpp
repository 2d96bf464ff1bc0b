#pragma once
#include <attnscope/core/errors.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope::detail {

/// `labels`: one each, or none at all.
template <typename Label>
void check_labels(const std::vector<Label>& labels, std::ptrdiff_t count, std::string_view what) {
  require<ShapeError>(labels.empty() || static_cast<std::ptrdiff_t>(labels.size()) == count, "{} {} for {}",
                      labels.size(), what, count);
}

/// What tokens, heads or layers are called: as the options say, or by number.
inline std::vector<std::string> names_of(const std::vector<std::string>& named, std::ptrdiff_t count,
                                         std::string_view what) {
  check_labels(named, count, what);
  if (!named.empty()) return named;
  std::vector<std::string> numbers;
  for (std::ptrdiff_t i = 0; i < count; ++i) numbers.push_back(fmt::format("{}", i));
  return numbers;
}

}  // namespace attnscope::detail
