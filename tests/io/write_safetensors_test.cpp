#include <attnscope/io/safetensors.hpp>
#include <attnscope/io/write_safetensors.hpp>

#include <cstring>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
namespace fs = std::filesystem;
using Eigen::Index;
using test::TemporaryFolder;
using test::text_of;

namespace {

void check_equal(const RawTensors& left, const RawTensors& right) {
  REQUIRE(left.size() == right.size());
  for (const auto& [name, tensor] : left) {
    CAPTURE(name);
    REQUIRE(right.contains(name));
    CHECK(tensor.dtype == right.at(name).dtype);
    CHECK(tensor.shape == right.at(name).shape);
    CHECK(std::ranges::equal(tensor.bytes, right.at(name).bytes));
  }
}

std::uint64_t header_bytes(const std::string& file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  return length;
}

}  // namespace

TEST_CASE("every encoding is read back as it was written") {
  const TemporaryFolder folder;
  RawTensors tensors;
  unsigned char next = 0;
  for (const detail::DtypeEntry& entry : detail::dtype_table) {
    const auto bytes = std::make_shared<std::vector<unsigned char>>(entry.bits);  // 8 elements
    for (unsigned char& byte : *bytes) byte = next++;
    tensors[std::string(entry.name)] = {entry.dtype, {2, 4}, std::as_bytes(std::span(*bytes)), bytes};
  }
  const Metadata metadata{{"", "\u00fc \" \\ \n \x01 \x7f"}, {"tokens", R"(["a","b"])"}};
  write_safetensors(folder / "all", tensors, metadata);
  const TensorFile file = read_safetensors(folder / "all");
  CHECK(file.metadata == metadata);
  check_equal(file.tensors, tensors);
}

TEST_CASE("the bytes are those that the reference implementation writes") {
  const TemporaryFolder folder;
  const fs::path reference = ATTNSCOPE_TEST_DIR "/io/data/reference.safetensors";
  const TensorFile file = read_safetensors(reference);
  write_safetensors(folder / "again", file.tensors, file.metadata);
  CHECK(text_of(folder / "again") == text_of(reference));
}

TEST_CASE("every tensor is aligned to its elements, the largest first") {
  const TemporaryFolder folder;
  const RawTensors tensors{{"a", raw_tensor(std::vector<std::uint8_t>(3), {3})},
                           {"b", raw_tensor(std::vector<Eigen::half>(1), {})},
                           {"c", raw_tensor(std::vector<double>(1), {1})},
                           {"d", raw_tensor(std::vector<float>(3), {3})}};
  for (std::size_t length = 0; length < 8; ++length) {
    write_safetensors(folder / "file", tensors, {{"text", std::string(length, 'x')}});
    CHECK(header_bytes(text_of(folder / "file")) % 8 == 0);
    const TensorFile file = read_safetensors(folder / "file");
    CHECK(file.find("c")->bytes.data() + 8 == file.find("d")->bytes.data());
    CHECK(file.find("d")->bytes.data() + 12 == file.find("b")->bytes.data());
    CHECK(file.find("b")->bytes.data() + 2 == file.find("a")->bytes.data());
    for (const auto& [name, tensor] : file.tensors) {
      const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
      CHECK(address % (dtype_bits(tensor.dtype) / 8) == 0);
    }
  }
}

TEST_CASE("odd files survive, and so does nothing at all") {
  const TemporaryFolder folder;
  for (const std::string name : {"sizes", "unaligned", "empty"}) {
    const TensorFile file = read_safetensors(ATTNSCOPE_TEST_DIR "/io/data/" + name + ".safetensors");
    write_safetensors(folder / name, file.tensors, file.metadata);
    const TensorFile again = read_safetensors(folder / name);
    CHECK(again.metadata == file.metadata);
    check_equal(again.tensors, file.tensors);
  }
}

TEST_CASE("a file may be written over the one that its tensors lie in") {
  const TemporaryFolder folder;
  write_safetensors(folder / "file", {{"a", raw_tensor(std::vector<float>{1, 2, 3}, {3})}});
  const TensorFile file = read_safetensors(folder / "file");
  RawTensors tensors = file.tensors;
  tensors["b"] = raw_tensor(std::vector<double>{4}, {1});
  write_safetensors(folder / "file", tensors);
  check_equal(read_safetensors(folder / "file").tensors, tensors);
}

TEST_CASE("what would make no legal file is refused before anything is written") {
  const TemporaryFolder folder;
  const fs::path path = folder / "file";
  const auto message = [&](const RawTensors& tensors, const Metadata& metadata = {}) {
    return message_of<Error>([&] { write_safetensors(path, tensors, metadata); });
  };
  RawTensor wrong = raw_tensor(std::vector<float>(6), {2, 3});
  wrong.shape = {2, 4};
  const RawTensor right = raw_tensor(std::vector<float>(1), {});
  CHECK(message({{"a", right}, {"b", wrong}}) ==
        path.string() + ": tensor \"b\": 24 bytes cannot be a F32 tensor of shape [2, 4]");
  CHECK(message({{"__metadata__", right}}) == path.string() + ": no tensor may be called __metadata__");
  CHECK(message({{"a\xff", right}}) == path.string() + ": \"a\ufffd\" is not UTF-8");
  CHECK(message({}, {{"k", "\xc3"}}) == path.string() + ": \"\ufffd\" is not UTF-8");
  CHECK(message({}, {{"\xc3", ""}}) == path.string() + ": \"\ufffd\" is not UTF-8");
  CHECK_THAT(message({}, {{"k", std::string(100'000'000, ' ')}}),
             ContainsSubstring(": the header would have 100000032 bytes, at most 100000000 are allowed"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a missing folder is named") {
  const TemporaryFolder folder;
  CHECK(message_of<FileError>([&] { write_safetensors(folder / "no/file", {}); }) ==
        "cannot write " + (folder / "no/file").string() + ": No such file or directory");
}
