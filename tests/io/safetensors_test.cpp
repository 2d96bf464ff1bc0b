#include <attnscope/io/safetensors.hpp>

#include <cstring>
#include <iterator>
#include <random>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
using Eigen::Index;

namespace {

TensorFile open_data(const std::string& name) {
  return read_safetensors(ATTNSCOPE_TEST_DIR "/io/data/" + name + ".safetensors");
}

std::string file_of(std::uint64_t length, const std::string& rest) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + rest;
}

// From a copy without a byte to spare, so that a sanitizer sees every access beyond the end.
TensorFile parse(const std::string& file) {
  const auto copy = std::make_shared<std::vector<char>>(file.begin(), file.end());
  return parse_safetensors(std::as_bytes(std::span(*copy)), copy);
}

std::string refusal(const std::string& file) {
  return message_of<FileError>([&] { parse(file); });
}

std::vector<std::string> names(const TensorFile& file) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : file.tensors) all.push_back(name);
  return all;
}

template <typename Scalar>
std::vector<Scalar> read(const TensorFile& file, std::string_view name) {
  const RawTensor* tensor = file.find(name);
  REQUIRE(tensor);
  const auto first = elements<Scalar>(*tensor);
  return {first.get(), first.get() + tensor->bytes.size() / sizeof(Scalar)};
}

}  // namespace

TEST_CASE("what the reference implementation wrote is read") {
  const TensorFile file = open_data("reference");
  CHECK(file.metadata == Metadata{{"text", "caf\u00e9 \"quoted\"\n\ttab"}});
  CHECK(names(file) == std::vector<std::string>{"half", "mask", "scalar", "weight.0", "weight.1"});
  CHECK(file.find("weight.1")->shape == std::vector<Index>{2, 3});
  CHECK(read<float>(file, "weight.1") == std::vector<float>{0, .25f, .5f, .75f, 1, 1.25f});
  CHECK(read<float>(file, "weight.0") == std::vector<float>{-.5f, -.5f});
  CHECK(read<std::uint8_t>(file, "mask") == std::vector<std::uint8_t>{1, 0, 1});
  CHECK(read<double>(file, "scalar") == std::vector<double>{1.0 / 3});
  CHECK(static_cast<float>(read<Eigen::half>(file, "half")[1]) == 65504.0f);
  CHECK(file.find("weight") == nullptr);
}

TEST_CASE("a file may hold nothing") {
  CHECK(open_data("empty").tensors.empty());
  CHECK(open_data("empty").metadata.empty());
}

TEST_CASE("data may lie unaligned, in any order, behind a header in any order") {
  const TensorFile file = open_data("unaligned");
  CHECK(file.metadata == Metadata{{"", "no key"}, {"a", ""}, {"b", "2"}});
  CHECK(read<std::uint8_t>(file, "byte") == std::vector<std::uint8_t>{7});
  CHECK(read<float>(file, "float") == std::vector<float>{0.25f});
  CHECK(read<double>(file, "double") == std::vector<double>{-1.5, 1e300});
}

TEST_CASE("scalars, empty axes, packed elements and odd names are legal") {
  const TensorFile file = open_data("sizes");
  CHECK(read<float>(file, "scalar") == std::vector<float>{2.5f});
  CHECK(file.find("none")->shape == std::vector<Index>{0, 4});
  CHECK(file.find("none")->bytes.empty());
  CHECK(file.find("nothing")->bytes.empty());
  CHECK(file.find("packed")->dtype == Dtype::F4);
  CHECK(file.find("packed")->bytes.size() == 3);
  CHECK(file.find("\u00e9\n\"")->dtype == Dtype::F6_E3M2);
  CHECK(file.find("")->shape == std::vector<Index>(7, 1));
}

TEST_CASE("real dumps open") {
  const TensorFile cat = read_safetensors(ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors");
  std::vector<std::string> expected{"input.embedding", "input.embedding_gradient"};
  for (const std::string layer : {"self.0.", "self.1."}) {
    for (const char* field :
         {"attention", "attention_gradient", "key", "output_projection", "query", "value"}) {
      expected.push_back(layer + field);
    }
  }
  CHECK(names(cat) == expected);
  CHECK(cat.find("self.1.attention")->shape == std::vector<Index>{1, 4, 13, 13});
  CHECK(cat.metadata.at("causal") == "false");
  const TensorFile cipher = read_safetensors(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
  CHECK(cipher.find("cross.1.attention")->shape == std::vector<Index>{16, 4, 17, 15});
  CHECK(read<float>(cipher, "cross.1.attention").size() == 16 * 4 * 17 * 15);
}

TEST_CASE("a tensor keeps the file mapped when nothing else does") {
  RawTensor tensor;
  std::shared_ptr<const float[]> values;
  {
    const TensorFile file = open_data("reference");
    tensor = *file.find("weight.1");
    values = elements<float>(*file.find("weight.0"));
  }
  CHECK(elements<float>(tensor)[5] == 1.25f);
  CHECK(values[1] == -0.5f);
}

TEST_CASE("a missing file and a malformed one are named") {
  const test::TemporaryFolder folder;
  const auto message = [&](std::string_view name) {
    return message_of<FileError>([&] { read_safetensors(folder / name); });
  };
  CHECK(message("missing") == "cannot read " + (folder / "missing").string() + ": No such file or directory");
  test::write_text(folder / "text", "just text, no tensors");
  CHECK_THAT(message("text"), ContainsSubstring((folder / "text").string() + ": the header claims "));
}

TEST_CASE("data that do not match the header are refused") {
  struct Case {
    std::string header;
    std::size_t data_bytes;
    std::string message;
  };
  const auto one = [](const std::string& length, const std::string& offsets) {
    return R"({"a":{"dtype":"F32","shape":[)" + length + R"(],"data_offsets":)" + offsets + "}}";
  };
  const auto two = [](const std::string& first, const std::string& second) {
    const std::string bytes = R"({"dtype":"U8","shape":[4],"data_offsets":)";
    return R"({"a":)" + bytes + first + R"(},"b":)" + bytes + second + "}}";
  };
  const std::vector<Case> cases{
      {one("2", "[0,8]"), 7, R"(tensor "a" ends at byte 8 of the data, the file has 7)"},
      {one("2", "[0,8]"), 9, "the tensors end at byte 8 of the data, the file has 9"},
      {one("0", "[4,4]"), 4, R"(tensor "a" begins at byte 4 of the data, not at 0)"},
      {one("1", "[4,8]"), 8, R"(tensor "a" begins at byte 4 of the data, not at 0)"},
      {one("1", "[9223372036854775800,9223372036854775804]"), 4,
       R"(tensor "a" begins at byte 9223372036854775800 of the data, not at 0)"},
      {one("1152921504606846975", "[0,4611686018427387900]"), 4,
       R"(tensor "a": the 4611686018427387900 bytes of data_offsets [0, 4611686018427387900] cannot be)"},
      {one("288230376151711743", "[0,1152921504606846972]"), 4,
       R"(tensor "a" ends at byte 1152921504606846972 of the data, the file has 4)"},
      {two("[0,4]", "[5,9]"), 9, R"(tensor "b" begins at byte 5 of the data, not at 4)"},
      {two("[3,7]", "[0,4]"), 7, R"(tensor "a" begins at byte 3 of the data, not at 4)"},
      {two("[0,4]", "[0,4]"), 4, R"(tensor "b" begins at byte 0 of the data, not at 4)"},
      {two("[0,4]", "[4,8]"), 9, "the tensors end at byte 8 of the data, the file has 9"},
      {"{}", 1, "the tensors end at byte 0 of the data, the file has 1"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.header, each.data_bytes);
    const std::string file = file_of(each.header.size(), each.header + std::string(each.data_bytes, '\1'));
    CHECK_THAT(refusal(file), ContainsSubstring(each.message));
  }
}

namespace {

template <typename List>
auto& any_of(List& list, std::mt19937& random) {
  return list[random() % list.size()];
}

// One to three small accidents in the header or in the data; mostly the length of the header stays true.
std::string mutated(std::string header, std::string data, std::mt19937& random) {
  static const std::vector<std::string> pieces{"0",    "8",       "-1",         "18446744073709551615",
                                               "[",    "]",       "{",          "}",
                                               ",",    "\"",      "null",       " ",
                                               "\xff", "\"F64\"", "\"shape\":", "\"__metadata__\":",
                                               "1e3",  "\\u0000"};
  for (auto accidents = 1 + random() % 3; accidents > 0; --accidents) {
    std::string& text = random() % 8 == 0 ? data : header;
    const std::size_t at = random() % (text.size() + 1), count = random() % 4;
    switch (random() % 4) {
      case 0:
        text.erase(at, count);
        break;
      case 1:
        text.insert(at, any_of(pieces, random));
        break;
      case 2:
        text.replace(at, count, any_of(pieces, random));
        break;
      case 3:
        text.insert(at, text.substr(random() % (text.size() + 1), random() % 60));
        break;
    }
  }
  const std::uint64_t length = random() % 8 == 0 ? random() % 1000 : header.size();
  return file_of(length, header + data);
}

}  // namespace

TEST_CASE("a damaged file is refused, or every byte of its data belongs to one sound tensor") {
  const std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}})";
  std::mt19937 random(2024);
  int accepted = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string file = mutated(header, "123456789", random);
    CAPTURE(round, file);
    try {
      const TensorFile parsed = parse(file);
      ++accepted;
      std::uint64_t length = 0;
      std::memcpy(&length, file.data(), 8);
      std::size_t data = 0;
      for (const auto& [name, tensor] : parsed.tensors) {
        CHECK(stored_bytes(tensor.dtype, tensor.shape) == tensor.bytes.size());
        CHECK(std::ranges::count(tensor.bytes, std::byte{0}) == 0);  // touches them all
        data += tensor.bytes.size();
      }
      CHECK(8 + length + data == file.size());
    } catch (const FileError&) {
    }
  }
  CHECK(accepted > 20);
  CHECK(accepted < 1000);
}
