#include <attnscope/io/safetensors_header.hpp>

#include "support/catch.hpp"

using namespace attnscope;
namespace format = attnscope::detail::safetensors;
using Eigen::Index;

namespace {

std::string refused_text(std::uint64_t length, const std::string& rest) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  file += rest;
  return message_of<FileError>([&] { format::header_text(std::as_bytes(std::span(file))); });
}

// The header {"a": {...}} of one tensor.
std::string tensor(const std::string& fields) { return R"({"a":{)" + fields + "}}"; }

std::string shaped(const std::string& shape, const std::string& offsets) {
  return tensor(R"("dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets);
}

struct Case {
  std::string header, message;
};

void check_refused(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    CAPTURE(each.header.substr(0, 200));
    CHECK_THAT(message_of<FileError>([&] { format::read_header(each.header); }),
               ContainsSubstring(each.message));
  }
}

const std::string two_floats = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";

}  // namespace

TEST_CASE("the text of the header ends where its length says") {
  const std::string file("\2\0\0\0\0\0\0\0{}data", 14);
  CHECK(format::header_text(std::as_bytes(std::span(file))) == "{}");
}

TEST_CASE("a length that cannot be is refused") {
  const std::string file = "1234567";
  CHECK(message_of<FileError>([&] { format::header_text(std::as_bytes(std::span(file))); }) ==
        "7 bytes are too few for a safetensors file");
  CHECK(refused_text(3, "{}") == "the header claims 3 bytes, the file has 2 left");
  CHECK(refused_text(100'000'000, "{}") == "the header claims 100000000 bytes, the file has 2 left");
  CHECK(refused_text(100'000'001, "{}") ==
        "the header claims 100000001 bytes, at most 100000000 are allowed");
  CHECK(refused_text(~std::uint64_t{0}, "{}") ==
        "the header claims 18446744073709551615 bytes, at most 100000000 are allowed");
}

TEST_CASE("metadata and entries are read, whatever the order and the spaces") {
  const format::Header header = format::read_header(
      "{\"b\" : {\"data_offsets\":[4,5], \"dtype\":\"I8\", \"shape\":[]},\n "
      "\"__metadata__\":{\"k\":\"v\",\"\":\"\"},"
      "\"\\u00e9\": {\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}   ");
  CHECK(header.metadata == Metadata{{"", ""}, {"k", "v"}});
  REQUIRE(header.entries.size() == 2);
  CHECK(header.entries[0].name == "b");
  CHECK(header.entries[0].tensor.dtype == Dtype::I8);
  CHECK(header.entries[0].tensor.shape.empty());
  CHECK(header.entries[0].begin == 4);
  CHECK(header.entries[0].end == 5);
  CHECK(header.entries[1].name == "\u00e9");
  CHECK(header.entries[1].tensor.dtype == Dtype::F16);
  CHECK(header.entries[1].tensor.shape == std::vector<Index>{1, 2});
}

TEST_CASE("a header that is no JSON object is refused") {
  check_refused({
      {"", "the header of 0 bytes does not begin with '{'"},
      {" {}", "the header of 3 bytes does not begin with '{'"},
      {"[]", "the header of 2 bytes does not begin with '{'"},
      {"\xef\xbb\xbf{}", "the header of 5 bytes does not begin with '{'"},
      {"{", "the header is no valid JSON: parse error at line 1, column 2"},
      {"{}x", "the header is no valid JSON: parse error at line 1, column 3"},
      {"{}{}", "the header is no valid JSON: parse error at line 1, column 3"},
      {tensor(two_floats + ","), "the header is no valid JSON: parse error at line 1, column 54"},
      {R"({"a":nan})", "the header is no valid JSON: parse error at line 1, column 7"},
      {R"({"a":1e999})", "the header is no valid JSON: number overflow"},
      {R"({"a" /* b */:{}})", "the header is no valid JSON"},
      {R"({"\ud800":{}})", "the header is no valid JSON"},
      {"{\"\xff\":{}}", "ill-formed UTF-8 byte"},
      {"{\"\xc0\xaf\":{}}", "ill-formed UTF-8 byte"},
      {std::string("{}\0 x", 5), "the header is no valid JSON: a zero byte at 2"},
  });
}

TEST_CASE("a key that stands twice is refused") {
  check_refused({
      {R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}})",
       R"(tensor "a": the key "a" stands twice)"},
      {tensor(two_floats + R"(,"shape":[2])"), R"(tensor "a": the key "shape" stands twice)"},
      {R"({"__metadata__":{"k":"1","\u006b":"2"}})", R"(__metadata__: the key "k" stands twice)"},
      {R"({"__metadata__":{},"__metadata__":{}})", R"(__metadata__: the key "__metadata__" stands twice)"},
  });
}

TEST_CASE("what is not of the kind that the format asks for is refused") {
  check_refused({
      {R"({"a":1})", R"(tensor "a": not an object)"},
      {R"({"a":null})", R"(tensor "a": not an object)"},
      {R"({"a":[]})", R"(tensor "a": not an object)"},
      {R"({"__metadata__":[]})", "__metadata__: not an object"},
      {R"({"__metadata__":null})", "__metadata__: not an object"},
      {R"({"__metadata__":{"k":1}})", R"(__metadata__: the value of "k" is not a string)"},
      {R"({"__metadata__":{"k":["l"]}})", R"(__metadata__: the value of "k" is not a string)"},
      {R"({"__metadata__":{"k":{"l":"m"}}})", R"(__metadata__: the value of "k" is not a string)"},
      {tensor(R"("dtype":32)"), R"(tensor "a": dtype is not a string)"},
      {tensor(R"("dtype":["F32"])"), R"(tensor "a": dtype is not a string)"},
      {shaped("2", "[0,8]"), R"(tensor "a": shape is not an array)"},
      {shaped("\"2\"", "[0,8]"), R"(tensor "a": shape is not an array)"},
      {shaped("[2]", "{}"), R"(tensor "a": data_offsets is not an array)"},
      {shaped("[2,-1]", "[0,8]"), R"(tensor "a": shape[1] is not an integer from 0 to 2^63 - 1)"},
      {shaped("[-0]", "[0,0]"), R"(tensor "a": shape[0] is not an integer)"},
      {shaped("[2.0]", "[0,8]"), R"(tensor "a": shape[0] is not an integer)"},
      {shaped("[\"2\"]", "[0,8]"), R"(tensor "a": shape[0] is not an integer)"},
      {shaped("[2,[2]]", "[0,8]"), R"(tensor "a": shape[1] is not an integer)"},
      {shaped("[{}]", "[0,8]"), R"(tensor "a": shape[0] is not an integer)"},
      {shaped("[9223372036854775808]", "[0,8]"), R"(tensor "a": shape[0] is not an integer)"},
      {shaped("[18446744073709551617]", "[0,4]"), R"(tensor "a": shape[0] is not an integer)"},
      {shaped("[2]", "[-8,0]"), R"(tensor "a": data_offsets[0] is not an integer)"},
      {shaped("[2]", "[0,true]"), R"(tensor "a": data_offsets[1] is not an integer)"},
  });
}

TEST_CASE("fields that are missing, unknown or do not fit together are refused") {
  check_refused({
      {R"({"a":{}})", R"(tensor "a": the field "dtype" is missing)"},
      {tensor(R"("shape":[],"data_offsets":[0,4])"), R"(tensor "a": the field "dtype" is missing)"},
      {tensor(R"("dtype":"F32","data_offsets":[0,4])"), R"(tensor "a": the field "shape" is missing)"},
      {tensor(R"("dtype":"F32","shape":[])"), R"(tensor "a": the field "data_offsets" is missing)"},
      {tensor(two_floats + R"(,"stride":[1])"), R"(tensor "a": unknown field "stride")"},
      {tensor(R"("dtype":"F31")"), R"(tensor "a": unknown dtype "F31")"},
      {shaped("[2]", "[0]"), R"(tensor "a": data_offsets has 1 numbers, not 2)"},
      {shaped("[2]", "[0,4,8]"), R"(tensor "a": data_offsets has 3 numbers, not 2)"},
      {shaped("[2]", "[8,0]"), R"(tensor "a": data_offsets [8, 0] run backwards)"},
      {shaped("[3]", "[4,12]"),
       R"(tensor "a": the 8 bytes of data_offsets [4, 12] cannot be a F32 tensor of shape [3])"},
      {shaped("[4294967296,4294967296]", "[0,0]"),
       "cannot be a F32 tensor of shape [4294967296, 4294967296]"},
      {shaped("[4611686018427387905]", "[0,4]"), "cannot be a F32 tensor of shape [4611686018427387905]"},
      {shaped("[0,4611686018427387905]", "[0,0]"),
       "cannot be a F32 tensor of shape [0, 4611686018427387905]"},
      {tensor(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])"), "cannot be a F4 tensor of shape [3]"},
  });
}

TEST_CASE("depth and number of entries do no harm") {  // a quadratic reader would take minutes
  std::string deep = "{\"a\":", wide = "{";
  for (int i = 0; i < 1'000'000; ++i) deep += "[{";
  check_refused({{deep, R"(tensor "a": not an object)"}});

  for (int i = 0; i < 50'000; ++i) {
    wide += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[],"data_offsets":[{},{}]}})", i ? "," : "", i, i,
                        i + 1);
  }
  CHECK(format::read_header(wide + "}").entries.size() == 50'000);
}
