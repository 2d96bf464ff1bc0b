#include <attnscope/core/packed_heads.hpp>

#include <algorithm>
#include <cstdint>
#include <set>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
std::uintptr_t address(const void* place) { return reinterpret_cast<std::uintptr_t>(place); }
}  // namespace

TEMPLATE_TEST_CASE("heads have room, on cache lines, and not at the same place of a page", "", float,
                   double) {
  detail::PackedHeads<TestType> heads;
  for (const Index numbers : {0, 1, 1000, 1024, 2048, 5000, 3}) {
    heads.open(12, numbers);
    CHECK(heads.stride() >= numbers);
    std::set<std::uintptr_t> places;
    for (Index h = 0; h < 12; ++h) {
      CHECK(address(heads.head(h)) % 64 == 0);
      CHECK(heads.head(h) == heads.head(0) + h * heads.stride());
      std::fill_n(heads.head(h), numbers, TestType(h));  // a sanitizer sees whether the last one has room
      places.insert(address(heads.head(h)) % 4096);
    }
    CHECK(places.size() == 12);
  }
}

TEST_CASE("a place is as deep in its page as what it is like") {
  alignas(64) const float numbers[2048] = {};
  std::vector<float> room;
  for (const std::size_t at : {0U, 5U, 16U, 1023U, 1500U}) {
    const float* const place = detail::placed_like(numbers + at, 100, room);
    CHECK(address(place) % 4096 == address(numbers + at) / 64 * 64 % 4096);
    CHECK(place >= room.data());
    CHECK(place + 100 <= room.data() + room.size());
  }
}
