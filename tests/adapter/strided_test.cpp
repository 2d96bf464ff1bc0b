#include <attnscope/adapter/strided.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/validate.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
using Numbers = std::vector<std::int64_t>;
constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

std::string refused(const Numbers& sizes, const Numbers& strides, const void* data = &huge, Mask mask = {}) {
  return message_of<ShapeError>([&] { strided_view<float>(data, sizes, strides, mask); });
}

/// What the view shows, weight by weight from the definition of strides.
template <typename Scalar>
std::vector<Eigen::MatrixXd> plain_maps(const Scalar* first, const Shape& s,
                                        const std::array<Index, 4>& strides, Index example) {
  using Weight = typename AttentionView<Scalar>::Weight;
  std::vector<Eigen::MatrixXd> maps;
  for (Index h = 0; h < s.heads; ++h) {
    Eigen::MatrixXd map(s.queries, s.keys);
    for (Index i = 0; i < s.queries; ++i)
      for (Index j = 0; j < s.keys; ++j)
        map(i, j) = static_cast<double>(static_cast<Weight>(
            first[example * strides[0] + h * strides[1] + i * strides[2] + j * strides[3]]));
    maps.push_back(map);
  }
  return maps;
}
}  // namespace

TEST_CASE("axes that are left out in front have length 1") {
  const auto a = test::random_attention<float>(Layout({2, 3, 4, 5}));
  CHECK(strided_view<float>(a.data(), Numbers{2, 3, 4, 5}).layout().shape() == Shape{2, 3, 4, 5});
  CHECK(strided_view<float>(a.data(), Numbers{6, 4, 5}).layout().shape() == Shape{1, 6, 4, 5});
  CHECK(strided_view<float>(a.data(), Numbers{24, 5}).layout().shape() == Shape{1, 1, 24, 5});
  CHECK(strided_view<float>(a.data(), Numbers{6, 4, 5}, Numbers{20, 5, 1}).strides() ==
        std::array<Index, 4>{1, 20, 5, 1});
  CHECK(head_maps(strided_view<float>(a.data(), Numbers{6, 4, 5}))[4] ==
        head_maps(AttentionView<float>(a), 1)[1]);
}

TEMPLATE_TEST_CASE("strides of any size and sign show what they say", "", float, double, Eigen::half,
                   Eigen::bfloat16) {
  const auto a = test::random_attention<TestType>(Layout({2, 3, 4, 4}));
  const auto check = [&](Index first, const Numbers& strides) {
    const auto view = strided_view<TestType>(a.data() + first, Numbers{2, 3, 4, 4}, strides);
    const std::array<Index, 4> four{strides[0], strides[1], strides[2], strides[3]};
    CHECK(head_maps(view, 1) == plain_maps(a.data() + first, {2, 3, 4, 4}, four, 1));
  };
  check(0, {48, 16, 4, 1});
  check(0, {48, 16, 1, 4});       // query and key exchanged
  check(0, {4, 8, 24, 1});        // [query, head, batch, key]
  check(0, {48, 0, 4, 1});        // one head, shown three times
  check(12, {48, 16, -4, 1});     // the last query first
  check(95, {-48, -16, -4, -1});  // backwards altogether
}

TEST_CASE("what lies side by side is lent, the stride of a single key notwithstanding") {
  const auto a = test::random_attention<float>(Layout({2, 3, 4, 4}));
  const auto upside_down = strided_view<float>(&a(0, 0, 3, 0), Numbers{2, 3, 4, 4}, Numbers{48, 16, -4, 1});
  auto reader = upside_down.reader();
  CHECK(reader.read(1, {1, 3}).head(2).row(0).data() == &a(1, 2, 2, 0));

  const auto column = strided_view<float>(&a(0, 0, 0, 2), Numbers{2, 3, 4, 1}, Numbers{48, 16, 4, -7});
  auto column_reader = column.reader();
  CHECK(column_reader.read(1, {2, 3}).head(1).row(0).data() == &a(1, 1, 2, 2));

  const auto one = strided_view<float>(a.data(), Numbers{1, 1, 4, 4}, Numbers{huge, -huge, 4, 1});
  CHECK(head_maps(one)[0] == head_maps(AttentionView<float>(a))[0]);
}

TEST_CASE("a tensor without elements is attention without rows, wherever it points") {
  const float weight = 1;
  for (const float* data : {static_cast<const float*>(nullptr), &weight})
    for (const Numbers& sizes : {Numbers{2, 3, 0, 5}, Numbers{2, 3, 5, 0}, Numbers{0, 3, 4, 5}}) {
      const auto view = strided_view<float>(data, sizes, Numbers{huge / 5, 5, 5, 1});
      CHECK(view.layout().shape() == Shape{sizes[0], sizes[1], sizes[2], sizes[3]});
      CHECK(view.data() == nullptr);
      CHECK(view.strides() == std::array<Index, 4>{});  // nothing leads away from there
      CHECK(validate(view).rows == sizes[0] * sizes[1] * sizes[2]);
    }
}

TEST_CASE("the mask belongs to the view") {
  const auto a = test::random_attention<float>(Layout({2, 3, 4, 4}, {.causal = true}));
  const auto view = strided_view<float>(a.data(), Numbers{2, 3, 4, 4}, {}, {.causal = true});
  CHECK(entropy(view).entropies == entropy(AttentionView<float>(a, {.causal = true})).entropies);
  CHECK(refused({2, 3, 4, 4}, {}, a.data(), {.key_lengths = {4}}) ==
        "key_lengths has 1 entries for a batch of 2");
}

TEST_CASE("a tensor that is no attention, or that no memory can hold, is refused with its numbers") {
  CHECK(refused({4}, {}) ==
        "the tensor has 1 axes, but attention is [batch, head, query, key], [head, query, key] or [query, "
        "key]");
  CHECK_THAT(refused({1, 2, 3, 4, 5}, {}), ContainsSubstring("the tensor has 5 axes"));
  CHECK(refused({2, 3, 4}, {12, 4}) == "2 strides for 3 axes");
  CHECK(refused({2, 3, -1, 4}, {}) == "negative size in [batch 2, head 3, query -1, key 4]");
  CHECK(refused({2, 3, 4, 4}, {}, nullptr) == "no data for attention of shape [2, 3, 4, 4]");

  constexpr std::int64_t half = std::int64_t{1} << 31;
  CHECK(refused({half, half}, {0, 0}) ==
        "a tensor of shape [2147483648, 2147483648] has more bytes than can be counted");
  CHECK_THAT(refused({half, half, 0}, {}), ContainsSubstring("more bytes than can be counted"));
  CHECK(refused({2, 2}, {huge / 2, 1}) ==
        "strides [4611686018427387903, 1] of shape [2, 2] reach beyond what can be addressed");
  CHECK_THAT(refused({2, 2}, {1, -huge - 1}), ContainsSubstring("reach beyond"));
  CHECK_THAT(refused({3, 2, 2}, {huge / 12, huge / 12, huge / 12}), ContainsSubstring("reach beyond"));
}

TEST_CASE("weights at an odd address are refused, for each precision") {
  alignas(8) const std::array<char, 64> memory{};
  const auto text = [&]<typename Scalar>(Scalar, std::size_t offset) {
    return message_of<ValueError>([&] { strided_view<Scalar>(memory.data() + offset, Numbers{1, 2}); });
  };
  CHECK(text(double{}, 4) ==
        "the tensor begins at an address that is no multiple of 8: copy it to an aligned one");
  CHECK_THAT(text(float{}, 2), ContainsSubstring("no multiple of 4"));
  CHECK_THAT(text(Eigen::half{}, 1), ContainsSubstring("no multiple of 2"));
  CHECK_THAT(text(Eigen::bfloat16{}, 3), ContainsSubstring("no multiple of 2"));
  CHECK_NOTHROW(strided_view<Eigen::half>(memory.data() + 2, Numbers{1, 2}));
}
