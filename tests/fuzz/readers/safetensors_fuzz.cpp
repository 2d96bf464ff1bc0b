// A safetensors file, or a header of any text behind its length.
#include "fuzz/readers/survives.hpp"
#include "support/archives.hpp"

void run(FuzzedDataProvider& data) {
  std::string bytes;
  if (data.ConsumeBool()) {
    const std::string header = fuzz::text(data, 4000);
    bytes = attnscope::test::bytes_of(std::uint64_t{header.size()}) + header;
  }
  const auto file = attnscope::test::exact_copy(bytes + fuzz::rest_text(data));
  const attnscope::TensorFile read = attnscope::parse_safetensors(*file);
  fuzz::expect(fuzz::survives_writing(read.tensors, read.metadata), "what was read cannot be written");
}
std::vector<std::string> seeds() {
  const std::vector<std::string> headers{
      R"({"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})",
      R"({"__metadata__":{"tokens":"[\"a\",\"\u00e4\"]"},"b":{"dtype":"I8","shape":[],"data_offsets":[0,1]},"c":{"dtype":"F4","shape":[2],"data_offsets":[1,2]}})",
      R"({"a":{"dtype":"BF16","shape":[0,9223372036854775807],"data_offsets":[0,0]}} )", "{}"};
  std::vector<std::string> all;
  for (const std::string& header : headers) {
    all.push_back(fuzz::seed_text(header) + std::string(8, '\4') + '\1');
    all.push_back(fuzz::seed_text(header) + std::string(2, '\4') + '\1');
    all.push_back(fuzz::seed_text(header) + '\1');
    all.push_back(attnscope::test::bytes_of(std::uint64_t{header.size()}) + header + std::string(8, '\4') +
                  '\0');
  }
  return all;
}
const fuzz::Register registered("safetensors", run, seeds);
