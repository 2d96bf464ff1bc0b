// Tensors and strings of any names, dtypes, shapes and bytes: refused, or read back as they are.
#include "fuzz/readers/survives.hpp"

void run(FuzzedDataProvider& data) {
  attnscope::RawTensors tensors;
  attnscope::Metadata metadata;
  std::vector<std::vector<std::byte>> owned;
  while (data.remaining_bytes() > 0 && owned.size() < 6) {
    attnscope::RawTensor tensor;
    tensor.dtype = static_cast<attnscope::Dtype>(fuzz::up_to(data, 21));
    for (auto axes = fuzz::up_to(data, 4); axes > 0; --axes)
      tensor.shape.push_back(data.ConsumeBool() ? fuzz::up_to(data, 3)
                                                : data.ConsumeIntegral<Eigen::Index>());
    const auto fitting = attnscope::stored_bytes(tensor.dtype, tensor.shape);
    owned.emplace_back(fitting && *fitting < 1000 && fuzz::up_to(data, 9) > 0
                           ? *fitting
                           : std::size_t(fuzz::up_to(data, 9)));
    tensor.bytes = owned.back();
    tensors.emplace(fuzz::text(data), tensor);
    if (data.ConsumeBool()) metadata.emplace(fuzz::text(data), fuzz::text(data));
  }
  fuzz::survives_writing(tensors, metadata);
}
std::vector<std::string> seeds() {
  return {fuzz::seed_text("a") + fuzz::seed_text("\"key\\") + fuzz::seed_text("v\xc3\xa4") +
              std::string(32, '\1'),
          fuzz::seed_text("__metadata__") + std::string(16, '\0')};
}
const fuzz::Register registered("write_safetensors", run, seeds);
