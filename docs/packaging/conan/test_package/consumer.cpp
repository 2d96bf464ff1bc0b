// Whether a measure runs, and, where the package has them, files are read.
#include <attnscope/heads/entropy.hpp>
#ifdef WITH_IO
#include <attnscope/io/safetensors.hpp>
#include <attnscope/io/write_safetensors.hpp>
#endif

int main() {
  using namespace attnscope;
  Eigen::Matrix2f attention = Eigen::Matrix2f::Constant(.5f);
#ifdef WITH_IO
  write_safetensors("consumer.safetensors", {{"weights", raw_tensor<float>({.5, .5, .5, .5}, {2, 2})}});
  const TensorFile file = read_safetensors("consumer.safetensors");
  attention = Eigen::Matrix2f(elements<float>(file.tensors.at("weights")).get());
#endif
  const double found = entropy(attention).entropies(0);
  fmt::print("entropy {:.3f} nats\n", found);
  return found > .693 && found < .694 ? 0 : 1;
}
