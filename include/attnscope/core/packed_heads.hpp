#pragma once
#include <attnscope/core/layout.hpp>

#include <cstdint>
#include <vector>

namespace attnscope::detail {

/// `size` numbers of `room` that begin on a cache line, as deep in its page as `like`: elsewhere a processor
/// that compares the last 12 bits of addresses may take what it loads next, of what `like` points to, for
/// what it stored just now, and wait.
template <typename Number>
Number* placed_like(const Number* like, std::size_t size, std::vector<Number>& room) {
  constexpr std::uintptr_t page = 4096, line = 64;
  if (const std::size_t most = size + (page + line) / sizeof(Number); room.size() < most) room.resize(most);
  const auto of = [](const Number* place) { return reinterpret_cast<std::uintptr_t>(place); };
  const std::uintptr_t to_line = -of(room.data()) % line;
  const std::uintptr_t to_depth = (of(like) / line * line - of(room.data()) - to_line) % page;
  return room.data() + (to_line + to_depth) / sizeof(Number);
}

/// Room for a copy of some heads' rows, kept from block to block: heads begin on cache lines, and so far
/// apart that the same column of a dozen heads does not ask for the same few places of a cache.
template <typename Weight>
class PackedHeads {
 public:
  /// numbers: of each head; like: from where they are copied, or null
  void open(Index heads, Index numbers, const Weight* like = nullptr) {
    constexpr Index page = 4096 / sizeof(Weight), line = 64 / sizeof(Weight);
    stride_ = (numbers + page - 1) / page * page + page - 4 * line;
    first_ = placed_like(like, static_cast<std::size_t>(heads * stride_), room_);
  }
  /// How far apart heads lie.
  Index stride() const { return stride_; }
  /// Where a head's numbers are to stand; valid until the next open().
  Weight* head(Index h) { return first_ + h * stride_; }

 private:
  std::vector<Weight> room_;
  Weight* first_ = nullptr;
  Index stride_ = 0;
};

}  // namespace attnscope::detail
