#include <attnscope/io/npz.hpp>

#include "support/archives.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::Index;
using test::npy_file;
using test::zip_file;

namespace {

TensorFile parse(const std::string& archive) {
  const auto copy = test::exact_copy(archive);
  return parse_npz(*copy, copy);
}
std::string refusal(const std::string& archive) {
  return message_of<FileError>([&] { parse(archive); });
}
std::string refused_member(const std::string& array) { return refusal(zip_file({{"x.npy", array}})); }

template <typename Scalar>
void check_counts(const TensorFile& file, const std::string& name, double step) {
  CAPTURE(name);
  const RawTensor* tensor = file.find(name);
  REQUIRE(tensor);
  CHECK(tensor->shape == std::vector<Index>{2, 3, 4});
  const std::vector<Scalar> values = test::values_of<Scalar>(*tensor);
  for (std::size_t k = 0; k < values.size(); ++k)
    CHECK(static_cast<double>(values[k]) == step * static_cast<double>(k));
}

}  // namespace

TEST_CASE("what numpy saved is read: every dtype, both orders of axes and bytes, stored and deflated") {
  for (const char* name : {"stored", "deflated"}) {
    const TensorFile file = read_npz(ATTNSCOPE_TEST_DIR "/io/data/" + std::string(name) + ".npz");
    for (const char* order : {"<C", "<F", ">C", ">F"}) {
      check_counts<Eigen::half>(file, fmt::format("f2{}", order), .25);
      check_counts<float>(file, fmt::format("f4{}", order), .25);
      check_counts<double>(file, fmt::format("f8{}", order), .25);
      check_counts<std::int8_t>(file, fmt::format("i1{}", order), 1);
      check_counts<std::int16_t>(file, fmt::format("i2{}", order), 1);
      check_counts<std::int32_t>(file, fmt::format("i4{}", order), 1);
      check_counts<std::int64_t>(file, fmt::format("i8{}", order), 1);
      check_counts<std::uint8_t>(file, fmt::format("u1{}", order), 1);
      check_counts<std::uint16_t>(file, fmt::format("u2{}", order), 1);
      check_counts<std::uint32_t>(file, fmt::format("u4{}", order), 1);
      check_counts<std::uint64_t>(file, fmt::format("u8{}", order), 1);
    }
    CHECK(test::values_of<float>(*file.find("self.0.sink_logits")) == std::vector<float>{1.5f, -2});
    CHECK(file.find("input.embedding")->shape == std::vector<Index>{2, 2});
    CHECK(file.tensors.size() == 46);
    CHECK(file.metadata == Metadata{{"tokens", "[[\"a\",\"\u00e9\U0001f600\"],[\"\",\"long token\"]]"},
                                    {"big_endian_tokens", "[\"x\",\"\u20ac\"]"},
                                    {"bytes", R"(["one","two"])"},
                                    {"model", "a name"},
                                    {"causal", "true"},
                                    {"lengths", "[3,-4]"},
                                    {"words", "[[0,1],[2,300]]"},
                                    {"scale.self.0", "0.125"},
                                    {"nothing", "[]"}});
  }
}

TEST_CASE("stored members are lent, deflated ones live with their tensors") {
  const std::string array = npy_file("<f4", "1, 1, 1", test::bytes_of(2.5f));
  const auto copy = test::exact_copy(zip_file({{"a.npy", array}, {"b.npy", array, true}}));
  const TensorFile file = parse_npz(*copy, copy);
  const std::byte* lent = file.find("a")->bytes.data();
  CHECK(std::less_equal{}(copy->data(), lent));
  CHECK(std::less{}(lent, copy->data() + copy->size()));
  CHECK(test::values_of<float>(*file.find("b")) == std::vector<float>{2.5f});
}

TEST_CASE("members that are no arrays are passed over, PyTorch's are named") {
  CHECK(parse(zip_file({{"readme.txt", "hello"}, {"folder/", ""}})).tensors.empty());
  CHECK_THAT(refusal(zip_file({{"model/data.pkl", "\x80\2"}, {"model/data/0", "1234"}})),
             ContainsSubstring("it is a PyTorch file, whose pickled objects run code"));
}

TEST_CASE("errors name the member") {
  CHECK(refused_member(npy_file("|O", "", "")) ==
        "member \"x.npy\": it holds pickled Python objects, which run code when they are read; save numbers");
  CHECK(refused_member("nothing") == "member \"x.npy\": it is no .npy file");
  CHECK(refused_member(npy_file("<U1", "1", test::bytes_of(0xd800u))) ==
        "member \"x.npy\": its text holds 0xd800, which is no character");
  CHECK(refused_member(npy_file("<U1", "1", test::bytes_of(0x110000u))) ==
        "member \"x.npy\": its text holds 0x110000, which is no character");
  CHECK(refused_member(npy_file("<U1", "1, 1, 1", test::bytes_of(65u))) ==
        "member \"x.npy\": text has at most two axes, this has 3");
  CHECK_THAT(refused_member(npy_file("|S2", "1", "\xff\xff")), ContainsSubstring("is not UTF-8"));
  CHECK(parse(zip_file({{"x.npy", npy_file("<i4", "1000000000000000, 0", "")}})).metadata.at("x") == "[]");
}

TEST_CASE("members that are each small enough may be a bomb together") {
  const std::string zeros(100'000, '\0'), size = test::bytes_of(std::uint64_t{100'000});
  std::string archive = zip_file({{"x.npy", zeros, true, true}, {"y.npy", zeros, true, true}});
  for (std::size_t at = archive.find("PK\1\2"); (at = archive.find(size, at)) != archive.npos; at += 8)
    archive.replace(at, 8, test::bytes_of(std::uint64_t{600} << 20));
  CHECK_THAT(refusal(archive), ContainsSubstring("member \"y.npy\" would inflate to 629145600 bytes"));
}

TEST_CASE("a bomb is refused before it goes off") {
  // The directory says 2^33 bytes; how many there are is not even looked at.
  std::string archive = zip_file({{"x.npy", std::string(100'000, '\0'), true, true}});
  const std::size_t entry = archive.find("PK\1\2");
  archive.replace(archive.find(test::bytes_of(std::uint64_t{100'000}), entry), 8,
                  test::bytes_of(std::uint64_t{1} << 33));
  CHECK_THAT(refusal(archive),
             ContainsSubstring("member \"x.npy\" would inflate to 8589934592 bytes, in an archive of") &&
                 ContainsSubstring("is it a zip bomb?"));
}
