#include <attnscope/adapter/dlpack.hpp>
#include <attnscope/adapter/torch.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/validate.hpp>

#include <ATen/ATen.h>
#include <ATen/DLConvertor.h>

#include <optional>
#undef CHECK  // of the logging library that torch may bring

#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// Attention [2, 3, 5, 7] of that type.
at::Tensor random_attention(at::ScalarType type = at::kFloat) {
  at::manual_seed(1);
  return at::softmax(at::randn({2, 3, 5, 7}), -1).to(type);
}

std::vector<Eigen::MatrixXd> maps(const LoadedAttention& attention, Index example) {
  return std::visit([&](const auto& source) { return head_maps(source, example); }, attention);
}
/// The same from a copy that torch makes: dense, and of doubles.
std::vector<Eigen::MatrixXd> copied_maps(const at::Tensor& tensor, Index example) {
  const at::Tensor copy = tensor.detach().to(at::kDouble).contiguous();
  return head_maps(torch_view<double>(copy), example);
}
Eigen::VectorXd entropies(const LoadedAttention& attention) {
  return std::visit([](const auto& source) -> Eigen::VectorXd { return entropy(source).entropies; },
                    attention);
}
/// The first weight of the first row that a reader shows.
const float* shown_at(const LoadedAttention& attention) {
  auto reader = std::get<AnyAttention<float>>(attention).reader();
  return reader.read(0, {0, 1}).head(0).row(0).data();
}
template <typename T>
concept Viewable = requires(T&& tensor) {
  torch_view<float>(std::forward<T>(tensor));
};
std::string refused(const at::Tensor& tensor) {
  return message_of<Error>([&] { torch_attention(tensor); });
}
}  // namespace

TEST_CASE("every precision is read as it is") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    const at::Tensor tensor = random_attention(type);
    const LoadedAttention attention = torch_attention(tensor);
    CHECK(std::holds_alternative<AnyAttention<double>>(attention) == (type == at::kDouble));
    CHECK(maps(attention, 1) == copied_maps(tensor, 1));
  }
}

TEST_CASE("a strided tensor gives the bits of its contiguous copy, without being copied") {
  const at::Tensor base = random_attention() / 8;  // so that columns, too, sum below 1
  const at::Tensor by_query =
      base.transpose(1, 2).contiguous();  // [batch, query, head, key], as some models have it
  for (const at::Tensor& tensor :
       {base.transpose(2, 3), base.transpose(0, 1), base.narrow(1, 1, 2), base.narrow(3, 2, 4),
        base.slice(2, 0, 5, 2), base.select(1, 0).unsqueeze(1).expand({2, 4, 5, 7}), by_query.transpose(1, 2),
        base.select(0, 1), base.select(0, 1).select(0, 2), base.slice(3, 0, 7, 3), base.flip(2)}) {
    const LoadedAttention attention = torch_attention(tensor), copy = torch_attention(tensor.contiguous());
    CHECK(maps(attention, 0) == copied_maps(tensor, 0));
    CHECK(entropies(attention) == entropies(copy));
    if (tensor.stride(-1) == 1) CHECK(shown_at(attention) == tensor.data_ptr<float>());
    CHECK(torch_view<float>(tensor).data() == tensor.data_ptr<float>());
  }
}

TEST_CASE("the source keeps the tensor, and a view does not") {
  std::optional<at::Tensor> tensor = random_attention();
  const at::Tensor expected = tensor->clone();
  const c10::weak_intrusive_ptr<c10::TensorImpl> alive(tensor->getIntrusivePtr());
  {
    const LoadedAttention attention = torch_attention(*tensor, {.causal = true, .query_offset = 2});
    tensor.reset();
    CHECK_FALSE(alive.expired());
    CHECK(maps(attention, 1) == maps(torch_attention(expected, {.causal = true, .query_offset = 2}), 1));
  }
  CHECK(alive.expired());
  // A view borrows, so it takes no temporary.
  STATIC_REQUIRE(Viewable<const at::Tensor&>);
  STATIC_REQUIRE_FALSE(Viewable<at::Tensor>);
}

TEST_CASE("tensors that want gradients are read as they are") {
  const at::Tensor leaf = random_attention().requires_grad_();
  const at::Tensor computed = at::softmax(leaf * 2, -1);
  CHECK(shown_at(torch_attention(leaf)) == leaf.data_ptr<float>());
  CHECK(maps(torch_attention(computed), 0) == copied_maps(computed, 0));
  CHECK(validate(torch_view<float>(computed)).ok());
}

TEST_CASE("a tensor without elements is attention without rows") {
  CHECK(maps(torch_attention(at::empty({2, 3, 0, 5})), 1)[2].size() == 0);
  CHECK(maps(torch_attention(at::empty({2, 3, 5, 0})), 1)[2].rows() == 5);
}

TEST_CASE("through DLPack the same weights arrive, and the tensor is released at the end") {
  const auto owners = [](const at::Tensor& tensor) { return tensor.storage().use_count(); };
  const at::Tensor tensor = random_attention().transpose(1, 2).contiguous().transpose(1, 2);
  const auto before = owners(tensor);
  {
    const LoadedAttention attention = dlpack_attention(at::toDLPack(tensor));
    CHECK(owners(tensor) == before + 1);
    CHECK(shown_at(attention) == tensor.data_ptr<float>());
    CHECK(maps(attention, 1) == copied_maps(tensor, 1));
  }
  CHECK(owners(tensor) == before);
  const at::Tensor integers = tensor.to(at::kLong);
  const auto alone = owners(integers);
  CHECK_THROWS_AS(dlpack_attention(at::toDLPack(integers)), ValueError);
  CHECK(owners(integers) == alone);
}

TEST_CASE("what cannot be read in place is refused with the way out") {
  const at::Tensor tensor = random_attention();
  CHECK(refused({}) == "the tensor is undefined");
  CHECK(refused(tensor.to(at::kLong)) ==
        "the tensor is Long, but attention is read from Half, BFloat16, Float and Double");
  CHECK_THAT(refused(at::quantize_per_tensor(tensor, .01, 0, at::kQInt8)),
             ContainsSubstring("the tensor is QInt8, but"));
  CHECK_THAT(refused(at::complex(tensor, tensor)), ContainsSubstring("the tensor is ComplexFloat, but"));
  CHECK(refused(tensor.to_sparse()) == "the tensor's layout is Sparse: make it dense by .to_dense()");
  CHECK(refused(at::empty({2, 3, 4, 4}, at::device(at::kMeta))) ==
        "the tensor is on meta: move it by .cpu()");
  CHECK(refused(at::_neg_view(tensor)) == "the tensor is negated lazily: settle it by .resolve_neg()");
  CHECK(refused(at::_efficientzerotensor({1, 1, 2, 2})) ==
        "the tensor has no memory of its own: give it some by .clone()");
  CHECK(refused(at::_nested_tensor_from_tensor_list({tensor[0], tensor[1]})) ==
        "the tensor is nested: pad it by .to_padded_tensor(0)");
  CHECK_THAT(refused(tensor[0][0][0]), ContainsSubstring("the tensor has 1 axes"));
  CHECK_THAT(refused(tensor.unsqueeze(0)), ContainsSubstring("the tensor has 5 axes"));
  CHECK(message_of<ValueError>([&] { torch_view<double>(tensor); }) == "the tensor is Float, not Double");
  CHECK(message_of<ShapeError>([&] { torch_attention(tensor, {.key_lengths = {7}}); }) ==
        "key_lengths has 1 entries for a batch of 2");
}
