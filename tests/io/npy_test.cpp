#include <attnscope/io/npy.hpp>

#include "support/archives.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
using Eigen::Index;
using test::npy_file;

namespace {

RawTensor parse(const std::string& file) {
  const auto copy = test::exact_copy(file);
  return parse_npy(*copy, copy);
}
std::string refusal(const std::string& file) {
  return message_of<FileError>([&] { parse(file); });
}
/// Of an array of no bytes with this header.
std::string header_refusal(const std::string& header) { return refusal(npy_file(header, "")); }

const std::string four(4, '\1');

}  // namespace

TEST_CASE("the three versions of numpy's format are read") {
  for (const char* name : {"version1", "version2", "version3"}) {
    const RawTensor tensor = read_npy(ATTNSCOPE_TEST_DIR "/io/data/" + std::string(name) + ".npy");
    CHECK(tensor.dtype == Dtype::F32);
    CHECK(tensor.shape == std::vector<Index>{2, 3, 4});
    CHECK(test::values_of<float>(tensor)[23] == 5.75f);
  }
}

TEST_CASE("little-endian arrays in C order are lent, others are put in order") {
  const std::string numbers = test::bytes_of(std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6});
  const auto lent = test::exact_copy(npy_file("<u2", "2, 3", numbers));
  const RawTensor tensor = parse_npy(*lent, lent);
  CHECK(tensor.bytes.data() == lent->data() + lent->size() - 12);
  CHECK(test::values_of<std::uint16_t>(tensor) == std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6});
  CHECK(test::values_of<std::uint16_t>(parse(npy_file(">u2", "6", numbers)))[1] == 0x200);
  const std::string fortran = "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3)}";
  CHECK(test::values_of<std::uint16_t>(parse(npy_file(fortran, numbers))) ==
        std::vector<std::uint16_t>{1, 3, 5, 2, 4, 6});
}

TEST_CASE("a tensor keeps its file mapped") {
  const RawTensor tensor = read_npy(ATTNSCOPE_TEST_DIR "/io/data/version1.npy");
  CHECK(test::values_of<float>(tensor)[1] == .25f);
}

TEST_CASE("the header's keys come in any order, with any quotes and spaces") {
  const RawTensor scalar =
      parse(npy_file("{\"shape\" : ( ),'fortran_order':False  ,'descr': \"=f4\"}  \n", four));
  CHECK(scalar.shape.empty());
  CHECK(scalar.dtype == Dtype::F32);
  CHECK(parse(npy_file("{'shape': (2L, 2L), 'descr': '|u1', 'fortran_order': True,}", four)).shape ==
        std::vector<Index>{2, 2});
  CHECK(parse(npy_file("<f8", "0, 5", "")).shape == std::vector<Index>{0, 5});
  CHECK(parse(npy_file("|b1", "4", four)).dtype == Dtype::BOOL);
}

TEST_CASE("what is no .npy file, or cut off, is refused") {
  CHECK(refusal("") == "it is no .npy file");
  CHECK(refusal("\x93NUMPY\1") == "it is no .npy file");
  CHECK(refusal("\x93NUMPY" + std::string("\2\0\1\0", 4)) == "its header is cut off");
  CHECK(refusal("\x93NUMPX" + std::string(10, '\1')) == "it is no .npy file");
  CHECK(refusal("\x93NUMPY\4" + std::string(10, '\0')) ==
        "it is of version 4 of the .npy format, not 1, 2 or 3");
  CHECK(refusal("\x93NUMPY" + std::string("\2\0\xff\xff\xff\xff", 6)) ==
        "the header claims 4294967295 bytes, at most 10000 are allowed");
  CHECK(refusal("\x93NUMPY" + std::string("\1\0\x76\0{}", 6)) ==
        "the header claims 118 bytes, the file has 2 left");
  CHECK(refusal(npy_file("<f4", "2, 3", std::string(23, '\0'))) ==
        "an array of shape [2, 3] with 4 bytes an element needs 24 bytes, 23 follow the header");
  CHECK(refusal(npy_file("<f4", "2, 3", std::string(25, '\0'))) ==
        "an array of shape [2, 3] with 4 bytes an element needs 24 bytes, 25 follow the header");
}

TEST_CASE("shapes whose product overflows are refused") {
  for (const char* shape : {"4294967296, 4294967296", "9223372036854775807, 2", "0, 9223372036854775807, 9"})
    CHECK_THAT(refusal(npy_file("<f4", shape, "")),
               ContainsSubstring("needs more than 2^60 bytes, 0 follow"));
  CHECK_THAT(refusal(npy_file("<f4", "9223372036854775808", "")),
             ContainsSubstring("expected a length from 0 to 2^63 - 1"));
  CHECK_THAT(refusal(npy_file("<f4", "-1", "")), ContainsSubstring("expected a length from 0 to 2^63 - 1"));
}

TEST_CASE("dtypes that are no numbers are refused by name") {
  const auto of = [](const char* descr) { return refusal(npy_file(descr, "", "")); };
  CHECK(of("|O") == "it holds pickled Python objects, which run code when they are read; save numbers");
  CHECK(of("<U4") == "an array of shape [] with 16 bytes an element needs 16 bytes, 0 follow the header");
  CHECK(refusal(npy_file("<U1", "", four)) == "it holds text, not numbers");
  CHECK_THAT(of("|V2"), ContainsSubstring("its dtype is \"|V2\"") &&
                            ContainsSubstring("(bfloat16 has none in this format: use float32)"));
  for (const char* unknown :
       {"<c8", "<f16", "<f3", "<i16", "<M8[ns]", "<f4x", "", "<", "f", "<U0", "<f99999999999"})
    CHECK_THAT(of(unknown), ContainsSubstring(fmt::format("its dtype is \"{}\"; read are floats", unknown)));
  CHECK(header_refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}") ==
        "it is an array of records; save its fields as arrays of their own");
}

TEST_CASE("a header that is not numpy's is refused with the place") {
  CHECK(header_refusal("") == "the header is no dictionary of NumPy's, at character 0: expected '{'");
  CHECK(header_refusal("{'descr' '<f4'}") ==
        "the header is no dictionary of NumPy's, at character 9: expected ':'");
  CHECK(header_refusal("{'descr': '<f4' 'shape': ()}") ==
        "the header is no dictionary of NumPy's, at character 16: expected '}'");
  CHECK(header_refusal("{'descr': '<f4'") ==
        "the header is no dictionary of NumPy's, at character 15: expected '}'");
  CHECK(header_refusal("{descr: '<f4'}") ==
        "the header is no dictionary of NumPy's, at character 1: expected a string");
  CHECK(header_refusal("{'descr': '<f4}") ==
        "the header is no dictionary of NumPy's, at character 10: expected a string");
  CHECK(header_refusal("{'fortran_order': 1}") ==
        "the header is no dictionary of NumPy's, at character 18: expected True or False");
  CHECK(header_refusal("{'shape': [3]}") ==
        "the header is no dictionary of NumPy's, at character 10: expected '('");
  CHECK(header_refusal("{'shape': (3 4)}") ==
        "the header is no dictionary of NumPy's, at character 13: expected ')'");
  CHECK(header_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x") ==
        "the header is no dictionary of NumPy's, at character 54: there is more after the '}'");
  CHECK(header_refusal("{'descr': '<f4', 'descr': '<f4'}") == "the header has descr twice");
  CHECK(header_refusal("{'descr': '<f4', 'shape': ()}") == "the header has no fortran_order");
  CHECK(header_refusal("{'more': 1}") == "the header has an unknown key \"more\"");
}

TEST_CASE("a file that cannot be read is named") {
  const test::TemporaryFolder folder;
  test::write_text(folder / "a.npy", npy_file("|O", "", ""));
  CHECK(message_of<FileError>([&] { read_npy(folder / "a.npy"); }) ==
        (folder / "a.npy").string() +
            ": it holds pickled Python objects, which run code when they are read; save numbers");
}
