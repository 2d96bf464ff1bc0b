// One file as it lies on a disk, whatever its format, or several of a folder: refused, or a dump that is read
// through.
#include <attnscope/io/write_safetensors.hpp>

#include "fuzz/readers/read_through.hpp"
#include "support/archives.hpp"
#include "support/temporary_folder.hpp"

constexpr const char* names[] = {"layer_0.npy",   "layer_1.npy",   "a.npz",
                                 "b.safetensors", "c.safetensors", "notes.txt"};

void read_one(const std::string& bytes) {
  const auto copy = attnscope::test::exact_copy(bytes);
  const bool pickle = (bytes.starts_with("\x80\x02") || bytes.starts_with("\x80\x04")) &&
                      (bytes.size() < 9 || bytes[8] != '{');
  const attnscope::TensorFile file = attnscope::detail::parse_tensors(*copy, "array", copy);
  fuzz::expect(!pickle, "a pickle was read");
  fuzz::read_through(
      attnscope::make_dump("x", attnscope::named_as_dump(file.tensors, "self"), file.metadata));
}
void run(FuzzedDataProvider& data) {
  if (data.ConsumeBool()) return read_one(fuzz::rest_text(data));
  const attnscope::test::TemporaryFolder folder;
  std::vector<std::filesystem::path> paths;
  while (data.remaining_bytes() > 0 && paths.size() < 3) {
    paths.push_back(folder / fuzz::one_of(data, names));
    attnscope::test::write_text(paths.back(), fuzz::text(data, 4000));
  }
  const attnscope::ReadOptions options{.stack = data.ConsumeBool() ? "self" : "cross", .metadata = {}};
  fuzz::accepted([&] { return fuzz::read_through(attnscope::read_dump(folder.path(), options)), true; });
  fuzz::read_through(attnscope::read_split_dump(paths, options));
}
std::vector<std::string> seeds() {
  using attnscope::test::npy_file;
  const auto uniform = [](std::size_t count) {
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) bytes += attnscope::test::bytes_of(.5f);
    return bytes;
  };
  const std::string array = npy_file("<f4", "2, 2, 2", uniform(8));
  const attnscope::RawTensor tensor = attnscope::raw_tensor(std::vector<float>(8, .5f), {1, 2, 2, 2});
  const auto safetensors = [&](const char* name) {
    return fuzz::string_of(
        attnscope::safetensors_bytes({{name, tensor}}, {{"tokens", R"(["a","b"])"}, {"causal", "false"}}));
  };
  const auto file = [](const std::string& content) { return fuzz::seed_text(content); };
  return {array + '\1',
          safetensors("self.0.attention") + '\1',
          attnscope::test::zip_file({{"self.0.attention.npy", array, true},
                                     {"model.npy", npy_file("<U1", "", std::string("m\0\0\0", 4))}}) +
              '\1',
          "\x80\x02}q\x01.\1",
          "\x80\x04\x95\x01\1",
          "\x89HDF\r\n\x1a\n\1",
          file(array) + file(array) + std::string("\1\1\0\0", 4),
          file(safetensors("self.0.attention")) + file(safetensors("self.1.attention")) +
              std::string("\1\4\3\0", 4),
          file(safetensors("cross.0.attention")) + file("") + std::string("\0\5\3\0", 4)};
}
const fuzz::Register registered("files", run, seeds);
