#include <attnscope/io/read_tensors.hpp>
#include <attnscope/io/write_safetensors.hpp>

#include "support/archives.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
namespace fs = std::filesystem;
using test::npy_file;

namespace {

std::string array(float value) { return npy_file("<f4", "1, 1, 1", test::bytes_of(value)); }
RawTensor one(float value) { return raw_tensor(std::vector<float>{value}, {1}); }
std::string refusal(const std::vector<fs::path>& paths) {
  return message_of<FileError>([&] { read_tensor_files(paths); });
}

}  // namespace

TEST_CASE("the first bytes say what a file is, whatever its name") {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "a.npz", {{"x", one(1)}}, {{"key", "text"}});
  test::write_text(folder / "b.safetensors", array(2));
  test::write_text(folder / "c", test::zip_file({{"y.npy", array(3)}}));
  CHECK(read_tensors(folder / "a.npz").metadata.at("key") == "text");
  CHECK(test::values_of<float>(*read_tensors(folder / "b.safetensors").find("b"))[0] == 2);
  CHECK(test::values_of<float>(*read_tensors(folder / "c").find("y"))[0] == 3);
}

TEST_CASE("other formats are refused by name") {
  const test::TemporaryFolder folder;
  const auto refused = [&](const std::string& content) {
    test::write_text(folder / "x", content);
    return message_of<FileError>([&] { read_tensors(folder / "x"); });
  };
  const std::string name = (folder / "x").string();
  CHECK(refused("\x80\4\x95 pickle") ==
        name + ": it is a Python pickle, which runs code when it is read; save safetensors, npy or npz");
  CHECK(refused("\x89HDF\r\n\x1a\n") == name + ": it is HDF5; save safetensors, npy or npz");
  CHECK_THAT(refused("just some text"), ContainsSubstring(name + ": the header claims"));
  CHECK_THAT(refused("PK\3\4"), ContainsSubstring(name + ": the zip archive has no end record"));
}

TEST_CASE("a safetensors file is one, however many bytes its header has") {
  const test::TemporaryFolder folder;
  for (std::size_t padding = 0; padding < 1300; padding += 8) {  // 640 and 1152 begin as pickles do
    write_safetensors(folder / "x", {{"x", one(1)}}, {{"k", std::string(padding, 'k')}});
    CHECK(read_tensors(folder / "x").metadata.at("k").size() == padding);
  }
}

TEST_CASE("several files are read as one, a folder as the files in it") {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "a.safetensors", {{"x", one(1)}}, {{"model", "m"}, {"only", "here"}});
  write_safetensors(folder / "b.safetensors", {{"y", one(2)}}, {{"model", "m"}});
  test::write_text(folder / "layer_3.npy", array(3));
  test::write_text(folder / "notes.txt", "not read");
  for (const TensorFile& file :
       {read_tensor_files({folder / "a.safetensors", folder / "b.safetensors", folder / "layer_3.npy"}),
        read_tensor_files({folder.path()})}) {
    CHECK(file.metadata == Metadata{{"model", "m"}, {"only", "here"}});
    CHECK(file.tensors.size() == 3);
    CHECK(test::values_of<float>(*file.find("layer_3"))[0] == 3);
  }
}

TEST_CASE("files that contradict one another are named") {
  const test::TemporaryFolder folder;
  const fs::path a = folder / "a.safetensors", b = folder / "b.safetensors";
  write_safetensors(a, {{"x", one(1)}}, {{"tokens", "[\"a\"]"}});
  write_safetensors(b, {{"x", one(1)}});
  CHECK(refusal({a, b}) == fmt::format("{}: the tensor \"x\" stands in {}, too", b.string(), a.string()));
  write_safetensors(b, {{"y", one(1)}}, {{"tokens", "[\"b\"]"}});
  CHECK(refusal({a, b}) ==
        fmt::format("{}: the metadata tokens is another one in {}", b.string(), a.string()));
  CHECK(refusal({a, folder / "none"}) ==
        fmt::format("cannot read {}: No such file or directory", (folder / "none").string()));
}

TEST_CASE("a folder without such files is named") {
  const test::TemporaryFolder folder;
  CHECK(refusal({folder.path()}) ==
        fmt::format("the folder {} holds no .safetensors, .npz or .npy file", folder.path().string()));
}
