#include <attnscope/adapter/dlpack.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/source/maps.hpp>

#include <optional>

#include "support/attention.hpp"
#include "support/catch.hpp"

#if __has_include(<dlpack/dlpack.h>)
#include <dlpack/dlpack.h>
#endif

using namespace attnscope;

// The structs as DLPack publishes them, versions 0.6 and 1.
namespace published {
struct DLDevice {
  std::int32_t device_type, device_id;
};
struct DLDataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t *shape, *strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};
struct DLPackVersion {
  std::uint32_t major, minor;
};
struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  std::uint64_t flags;
  DLTensor dl_tensor;
};
}  // namespace published

// The same tests with the header itself, where it is installed.
#if __has_include(<dlpack/dlpack.h>)
using Installed = ::DLManagedTensor;
#else
using Installed = published::DLManagedTensor;
#endif

namespace {
/// A library that exports attention [2, 3, 4, 4] as managed tensors of that type, and counts what comes back.
template <typename Managed, typename Scalar>
struct Exporter {
  AttentionTensor<Scalar> weights = test::random_attention<Scalar>(Layout({2, 3, 4, 4}));
  std::vector<std::int64_t> shape{2, 3, 4, 4}, strides{48, 16, 4, 1};
  int given_back = 0;
  Managed managed{};

  Exporter() {
    auto& tensor = managed.dl_tensor;
    tensor.data = weights.data();
    tensor.device.device_type = static_cast<decltype(tensor.device.device_type)>(1);
    tensor.ndim = 4;
    tensor.dtype = {std::is_same_v<Scalar, Eigen::bfloat16> ? std::uint8_t{4} : std::uint8_t{2},
                    static_cast<std::uint8_t>(8 * sizeof(Scalar)), 1};
    tensor.shape = shape.data();
    tensor.strides = strides.data();
    managed.manager_ctx = this;
    managed.deleter = [](Managed* self) { ++static_cast<Exporter*>(self->manager_ctx)->given_back; };
    if constexpr (requires { managed.version; }) managed.version.major = 1;
  }
};
using Floats = Exporter<published::DLManagedTensor, float>;

std::vector<Eigen::MatrixXd> maps(const LoadedAttention& attention, Index example) {
  return std::visit([&](const auto& source) { return head_maps(source, example); }, attention);
}

template <typename Change>
std::string refused(const Change& change) {
  Floats library;
  change(library.managed.dl_tensor);
  const std::string text = message_of<Error>([&] { dlpack_attention(&library.managed); });
  CHECK(library.given_back == 1);
  return text;
}
}  // namespace

TEMPLATE_TEST_CASE("a managed tensor is read where it lies and given back once, after the last copy", "",
                   published::DLManagedTensor, published::DLManagedTensorVersioned, Installed) {
  Exporter<TestType, float> library;
  {
    std::optional<LoadedAttention> attention = dlpack_attention(&library.managed);
    const LoadedAttention copy = *attention;
    attention.reset();
    CHECK(library.given_back == 0);
    const auto& source = std::get<AnyAttention<float>>(copy);
    CHECK(entropy(source).entropies == entropy(library.weights).entropies);
    auto reader = source.reader();
    CHECK(reader.read(1, {1, 3}).head(2).row(0).data() == &library.weights(1, 2, 1, 0));
  }
  CHECK(library.given_back == 1);
  library.managed.deleter = nullptr;  // is allowed
  CHECK_NOTHROW(dlpack_attention(&library.managed));
}

TEMPLATE_TEST_CASE("each precision is read, in a copy that is equal bit for bit", "", float, double,
                   Eigen::half, Eigen::bfloat16) {
  Exporter<published::DLManagedTensorVersioned, TestType> library;
  const AttentionView<TestType> plain(library.weights);
  const LoadedAttention attention = dlpack_attention(&library.managed);
  CHECK(std::holds_alternative<AnyAttention<double>>(attention) == std::is_same_v<TestType, double>);
  CHECK(maps(attention, 1) == head_maps(plain, 1));
  CHECK(dlpack_view<TestType>(library.managed.dl_tensor).data() == library.weights.data());
}

TEST_CASE("strides count elements and the offset bytes; without strides the tensor is compact") {
  Floats library;
  auto& tensor = library.managed.dl_tensor;
  const auto plain = AttentionView<float>(library.weights);

  tensor.strides = nullptr;
  CHECK(maps(dlpack_attention(tensor), 1) == head_maps(plain, 1));

  library.shape = {3, 2, 4};  // queries 2 and 3 of the second example
  library.strides = {16, 4, 1};
  tensor.ndim = 3;
  tensor.shape = library.shape.data();
  tensor.strides = library.strides.data();
  tensor.byte_offset = (48 + 8) * sizeof(float);
  CHECK(dlpack_view<float>(tensor).data() == &library.weights(1, 0, 2, 0));
  CHECK(maps(dlpack_attention(tensor), 0)[2] == head_maps(plain, 1)[2].bottomRows(2));

  library.strides = {16, -4, -1};  // from the last query's last key backwards
  tensor.byte_offset = (48 + 15) * sizeof(float);
  CHECK(maps(dlpack_attention(tensor), 0)[2] == head_maps(plain, 1)[2].bottomRows(2).reverse());
}

TEST_CASE("a plain tensor is borrowed, its struct only for the call") {
  Floats library;
  const LoadedAttention attention = [&] {
    const published::DLTensor copy = library.managed.dl_tensor;
    return dlpack_attention(copy, {.causal = true});
  }();
  CHECK(maps(attention, 1) == head_maps(AttentionView<float>(library.weights, {.causal = true}), 1));
  CHECK(library.given_back == 0);
}

TEST_CASE("memory of the host is read, any other device is named") {
  for (const int host : {1, 3, 11}) {
    Floats library;
    library.managed.dl_tensor.device.device_type = host;
    CHECK_NOTHROW(dlpack_attention(library.managed.dl_tensor));
  }
  const auto on = [](int type, int id) { return refused([&](auto& tensor) { tensor.device = {type, id}; }); };
  CHECK(on(2, 1) == "the tensor is on cuda:1: copy it to the CPU first");
  CHECK(on(10, 0) == "the tensor is on rocm:0: copy it to the CPU first");
  CHECK(on(13, 0) == "the tensor is on cuda_managed:0: copy it to the CPU first");
  CHECK(on(18, 0) == "the tensor is on trn:0: copy it to the CPU first");
  CHECK(on(99, 2) == "the tensor is on device type 99:2: copy it to the CPU first");
  CHECK(on(-1, 0) == "the tensor is on device type -1:0: copy it to the CPU first");
  CHECK(on(5, 0) == "the tensor is on device type 5:0: copy it to the CPU first");
}

TEST_CASE("what is not a number of attention is named") {
  const auto of = [](int code, int bits, int lanes = 1) {
    return refused([&](auto& tensor) {
      tensor.dtype = {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(bits),
                      static_cast<std::uint16_t>(lanes)};
    });
  };
  CHECK(of(0, 64) ==
        "the tensor is int64, but attention is read from float16, bfloat16, float32 and float64");
  CHECK_THAT(of(6, 8), ContainsSubstring("the tensor is bool8, but"));
  CHECK_THAT(of(2, 128), ContainsSubstring("the tensor is float128, but"));
  CHECK_THAT(of(4, 32), ContainsSubstring("the tensor is bfloat32, but"));
  CHECK_THAT(of(2, 32, 4), ContainsSubstring("the tensor is float32 in 4 lanes, but"));
  CHECK_THAT(of(8, 8), ContainsSubstring("the tensor is 8-bit of type code 8, but"));
  Floats library;
  CHECK(message_of<ValueError>([&] { dlpack_view<Eigen::half>(library.managed.dl_tensor); }) ==
        "the tensor is float32, not float16");
}

TEST_CASE("a tensor that is refused is given back at once") {
  CHECK_THAT(refused([](auto& tensor) { tensor.ndim = 5; }), ContainsSubstring("the tensor has 5 axes"));
  CHECK(refused([](auto& tensor) { tensor.ndim = -1; }) == "a tensor of -1 axes without a shape");
  CHECK(refused([](auto& tensor) { tensor.shape = nullptr; }) == "a tensor of 4 axes without a shape");
  CHECK_THAT(refused([](auto& tensor) { tensor.byte_offset = 2; }), ContainsSubstring("no multiple of 4"));
  CHECK(refused([](auto& tensor) {
          tensor.data = nullptr;
          tensor.byte_offset = 64;
        }) == "no data for attention of shape [2, 3, 4, 4]");
  CHECK(refused([](auto& tensor) { tensor.shape[1] = -3; }) ==
        "negative size in [batch 2, head -3, query 4, key 4]");
  Floats library;
  CHECK_THROWS_AS(dlpack_attention(&library.managed, {.key_lengths = {1}}), ShapeError);
  CHECK(library.given_back == 1);
}

TEST_CASE("of another major version only the deleter is touched") {
  Exporter<published::DLManagedTensorVersioned, float> library;
  library.managed.version = {2, 3};
  library.managed.dl_tensor = {};
  CHECK(message_of<ValueError>([&] { dlpack_attention(&library.managed); }) ==
        "the tensor is of DLPack 2.3, but 1 is what is read");
  CHECK(library.given_back == 1);
  CHECK(message_of<ValueError>([] { dlpack_attention(static_cast<published::DLManagedTensor*>(nullptr)); }) ==
        "there is no tensor: the pointer is null");
}

TEST_CASE("flags, a later minor version and an empty tensor change nothing") {
  Exporter<published::DLManagedTensorVersioned, float> library;
  library.managed.version = {1, 99};
  library.managed.flags = 1;  // read only
  CHECK_NOTHROW(dlpack_attention(&library.managed));
  library.shape[2] = 0;
  library.managed.dl_tensor.data = nullptr;
  library.managed.dl_tensor.byte_offset = 64;
  CHECK(maps(dlpack_attention(library.managed.dl_tensor), 1)[2].size() == 0);
}
