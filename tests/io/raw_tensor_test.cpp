#include <attnscope/io/raw_tensor.hpp>

#include <cstring>

#include "support/catch.hpp"

using namespace attnscope;
using Eigen::Index;

TEST_CASE("stored_bytes is the product of the shape, in whole bytes") {
  const auto bytes = [](Dtype dtype, const std::vector<Index>& shape) { return stored_bytes(dtype, shape); };
  CHECK(bytes(Dtype::F32, {}) == 4);
  CHECK(bytes(Dtype::F64, {2, 3, 4}) == 192);
  CHECK(bytes(Dtype::F16, {5, 0, 7}) == 0);
  CHECK(bytes(Dtype::F4, {3, 2}) == 3);
  CHECK(bytes(Dtype::F6_E2M3, {4}) == 3);
  CHECK(bytes(Dtype::F4, {3}) == std::nullopt);
  CHECK(bytes(Dtype::F32, {-1, -1}) == std::nullopt);
  CHECK(bytes(Dtype::F32, {0, -1}) == std::nullopt);
}

TEST_CASE("a shape whose size is beyond 2^63 bits has no stored_bytes, wherever a zero stands") {
  const Index huge = Index{1} << 40;
  for (const auto& shape : std::vector<std::vector<Index>>{{huge, huge}, {0, huge, huge}, {huge, huge, 0}}) {
    CHECK(stored_bytes(Dtype::U8, shape) == std::nullopt);
  }
  CHECK(stored_bytes(Dtype::U8, std::vector<Index>{Index{1} << 60}) == std::nullopt);
  CHECK(stored_bytes(Dtype::U8, std::vector<Index>{(Index{1} << 60) - 1}) == (std::size_t{1} << 60) - 1);
}

TEMPLATE_TEST_CASE("values come back as they were given", "", float, double, Eigen::half, Eigen::bfloat16,
                   std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                   std::int64_t, std::uint64_t) {
  std::vector<TestType> given;
  for (int i = 0; i < 6; ++i) given.push_back(static_cast<TestType>(i * 7));
  const RawTensor tensor = raw_tensor(given, {2, 3});
  CHECK(tensor.dtype == dtype_of<TestType>);
  CHECK(tensor.shape == std::vector<Index>{2, 3});
  CHECK(tensor.bytes.size() == 6 * sizeof(TestType));
  const auto read = elements<TestType>(tensor);
  CHECK(std::equal(given.begin(), given.end(), read.get()));
}

TEST_CASE("an Eigen tensor brings its shape, and its memory where it is moved in") {
  Eigen::Tensor<float, 3, Eigen::RowMajor> attention(2, 1, 3);
  attention.setZero();
  attention(1, 0, 2) = 0.5f;
  const float* const place = attention.data();
  const RawTensor tensor = raw_tensor(std::move(attention));
  CHECK(tensor.shape == std::vector<Index>{2, 1, 3});
  CHECK(elements<float>(tensor).get() == place);
  CHECK(elements<float>(tensor)[5] == 0.5f);
}

TEST_CASE("a scalar and an empty axis are tensors like others") {
  Eigen::Tensor<double, 0, Eigen::RowMajor> scalar;
  scalar() = 3.0;
  CHECK(raw_tensor(scalar).shape.empty());
  CHECK(elements<double>(raw_tensor(scalar))[0] == 3.0);
  const RawTensor empty = raw_tensor(Eigen::Tensor<float, 2, Eigen::RowMajor>(0, 4));
  CHECK(empty.shape == std::vector<Index>{0, 4});
  CHECK(empty.bytes.empty());
  CHECK_NOTHROW(elements<float>(empty));
}

TEST_CASE("aligned elements are lent, others copied, and both keep themselves alive") {
  const auto buffer = std::make_shared<std::vector<double>>(3);
  const auto bytes = std::as_writable_bytes(std::span(*buffer));
  const std::vector<double> expected{1.5, -2.25};
  for (const std::size_t offset : {0u, 4u, 5u, 8u}) {
    std::memcpy(bytes.data() + offset, expected.data(), 16);
    RawTensor tensor{Dtype::F64, {2}, bytes.subspan(offset, 16), buffer};
    const auto read = elements<double>(tensor);
    tensor = {};
    CHECK(std::equal(expected.begin(), expected.end(), read.get()));
    const bool lent = reinterpret_cast<const std::byte*>(read.get()) == bytes.data() + offset;
    CHECK(lent == (offset % 8 == 0));
    CHECK(buffer.use_count() == (lent ? 2 : 1));
  }
}

TEST_CASE("a shape that is not that of the values is refused") {
  CHECK(message_of<ShapeError>([] {
          raw_tensor(std::vector<float>(5), {2, 3});
        }) == "20 bytes cannot be a F32 tensor of shape [2, 3]");
  CHECK(message_of<ShapeError>([] {
          require_whole({Dtype::F4, {3}, {}, {}});
        }) == "0 bytes cannot be a F4 tensor of shape [3]");
}

TEST_CASE("elements of another type are refused, not converted") {
  CHECK(message_of<ShapeError>([] { elements<float>(raw_tensor(std::vector<Eigen::bfloat16>(2), {2})); }) ==
        "the tensor holds BF16, not F32");
  CHECK_THROWS_AS(elements<float>(RawTensor{Dtype::F32, {9}, {}, {}}), ShapeError);
}
