#pragma once
#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/// How much more memory the program has had in use at a time since this was made than it had then (Linux).
class PeakMemory {
 public:
  PeakMemory() {
#ifdef __GLIBC__
    ::malloc_trim(0);  // what was given back and is kept for later would hide what is taken now
#endif
    std::ofstream("/proc/self/clear_refs") << 5;  // forgets the peak so far
    before_ = bytes("VmRSS:");
  }
  /// In bytes; nothing where the system does not tell.
  std::optional<double> grown() const {
    const std::optional<double> peak = bytes("VmHWM:");
    if (!before_ || !peak) return {};
    return std::max(0., *peak - *before_);
  }

 private:
  static std::optional<double> bytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
      if (double kib = 0; word == field && status >> kib) return 1024 * kib;
    return {};
  }
  std::optional<double> before_;
};
