#pragma once
// Which figures the command line asks for.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Whether a name is one of the pattern, in which * stands for any characters, none too.
inline bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = pattern.npos, after = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != pattern.npos) {  // the last * takes one more
      p = star + 1;
      n = ++after;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(),
                     [](char c) { return c == '*'; });
}

/// The figures of --figures: names, or patterns of them; "all" and "none".
class FigureChoice {
 public:
  explicit FigureChoice(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {
    std::ranges::replace(patterns_, "all", "*");
    std::erase(patterns_, "none");
  }
  bool operator()(std::string_view name) const {
    return std::ranges::any_of(patterns_, [&](const std::string& pattern) { return matches(pattern, name); });
  }
  /// The first pattern that none of these names is of, if there is one.
  std::optional<std::string> unknown(const std::vector<std::string>& names) const {
    for (const std::string& pattern : patterns_)
      if (pattern != "*" &&
          std::ranges::none_of(names, [&](const std::string& name) { return matches(pattern, name); }))
        return pattern;
    return {};
  }

 private:
  std::vector<std::string> patterns_;
};
