// consumer VERSION: whether this is that version of the library, and measures, files and zlib are there.
#include <attnscope/heads/entropy.hpp>
#include <attnscope/io/safetensors.hpp>
#include <attnscope/io/write_safetensors.hpp>
#include <attnscope/version.hpp>

#include <zlib.h>

int main(int, char** arguments) {
  using namespace attnscope;
  write_safetensors("consumer.safetensors", {{"weights", raw_tensor<float>({.5, .5, .5, .5}, {2, 2})}});
  const TensorFile file = read_safetensors("consumer.safetensors");
  const auto weights = elements<float>(file.tensors.at("weights"));
  const double entropy = attnscope::entropy(Eigen::Matrix2f(weights.get())).entropies(0);
  const bool right =
      arguments[1] == version && std::abs(entropy - std::log(2)) < 1e-6 && crc32(0, Z_NULL, 0) == 0;
  return right ? 0 : 1;
}
