#include <attnscope/io/zip.hpp>

#include "support/archives.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::zip_file;
using test::ZipEntry;

namespace {

std::vector<ZipMember> members(const std::string& archive) {
  static std::shared_ptr<const std::vector<std::byte>> copy;  // the members point into it
  copy = test::exact_copy(archive);
  return zip_members(*copy);
}
std::string refusal(const std::string& archive) {
  return message_of<FileError>([&] { members(archive); });
}
std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string unpacked(const ZipMember& member) {
  if (!member.deflated) return text(member.stored);
  return text({inflated(member).get(), member.size});
}
/// The archive with the bytes at `at` replaced.
std::string changed(std::string archive, std::size_t at, const std::string& bytes) {
  return archive.replace(at, bytes.size(), bytes);
}

const std::vector<ZipEntry> two{{"a", "stored text"}, {"b", std::string(5000, 'x'), true}};
const std::string archive = zip_file(two);
const std::size_t first_entry = archive.find("PK\1\2"),
                  second_entry = archive.find("PK\1\2", first_entry + 1), end = archive.find("PK\5\6");

}  // namespace

TEST_CASE("stored and deflated members are read, with and without zip64 sizes") {
  for (const bool zip64 : {false, true}) {
    std::vector<ZipEntry> entries = two;
    for (ZipEntry& entry : entries) entry.zip64 = zip64;
    const std::vector<ZipMember> all = members(zip_file(entries));
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == "a");
    CHECK(unpacked(all[0]) == "stored text");
    CHECK_FALSE(all[0].deflated);
    CHECK(all[1].deflated);
    CHECK(all[1].stored.size() < 100);
    CHECK(unpacked(all[1]) == std::string(5000, 'x'));
  }
  CHECK(members(zip_file({})).empty());
  CHECK(unpacked(members(zip_file({{"none", "", true}}))[0]).empty());
}

TEST_CASE("an archive may end in a comment") {
  CHECK(members(changed(archive, end + 20, "\5") + "hello").size() == 2);
  const std::string like_an_end = "PK\5\6" + std::string(21, '\7');
  CHECK(members(changed(archive, end + 20, "\x19") + like_an_end).size() == 2);
}

TEST_CASE("a truncated archive is refused at every length") {
  for (std::size_t length = 0; length < archive.size(); ++length)
    CHECK_FALSE(refusal(archive.substr(0, length)).empty());
  CHECK(refusal(archive.substr(0, 50)) == "the zip archive has no end record: was it cut off?");
}

TEST_CASE("directories that contradict the archive are refused") {
  const auto with = [](std::size_t at, const std::string& bytes) {
    return refusal(changed(archive, at, bytes));
  };
  CHECK_THAT(with(end + 16, test::bytes_of(std::uint32_t{7})),
             ContainsSubstring("bytes at 7 does not end where the end record begins"));
  CHECK(with(end + 10, "\3") == "the zip directory lists 2 members, but is said to have 3");
  CHECK(with(first_entry, "XX") ==
        fmt::format("the zip archive is damaged: no directory entry at byte {}", first_entry));
  CHECK_THAT(with(first_entry + 28, "\xff\xff"), ContainsSubstring("is cut off"));
  CHECK(with(first_entry + 8, "\1") == "member \"a\": it is encrypted");
  CHECK(with(first_entry + 10, "\x0c") ==
        "member \"a\": its compression method 12 is neither stored nor deflated");
  CHECK(with(first_entry + 42, "\xf0\xf0") ==
        fmt::format("member \"a\": it would begin at byte 61680, the data end at {}", first_entry));
  CHECK(with(first_entry + 42, "\1") ==
        "member \"a\": the zip archive is damaged: no local header at byte 1");
  CHECK(with(first_entry + 46, "c") == "member \"c\": its local header names another file");
  CHECK(with(first_entry + 24, "\x0c") == "member \"a\": it is stored in 11 bytes, but is said to have 12");
  CHECK_THAT(with(second_entry + 20, "\xff\xff"),
             ContainsSubstring("member \"b\": its 65535 bytes from byte"));
  CHECK(
      with(first_entry + 20, test::bytes_of(std::uint32_t{0xffffffff})) ==
      fmt::format("member \"a\": its 4294967295 bytes from byte 31 run beyond the data of {}", first_entry));
}

TEST_CASE("a zip64 directory that would begin behind its end is refused") {
  const std::string end64 =
      "PK\6\6" + std::string(36, '\0') + test::bytes_of(~std::uint64_t{7}) + test::bytes_of(std::uint64_t{8});
  const std::string locator = "PK\6\7" + std::string(16, '\0');
  const std::string end32 = "PK\5\6" + std::string(4, '\0') + std::string(12, '\xff') + std::string(2, '\0');
  CHECK(
      refusal(end64 + locator + end32) ==
      "the zip directory of 18446744073709551608 bytes at 8 does not end where the end record begins, at 0");
}

TEST_CASE("zip64 records that are cut off, or lie outside, are refused") {
  const std::string end32 = "PK\5\6" + std::string(4, '\0') + std::string(12, '\xff') + std::string(2, '\0');
  CHECK(refusal(end32) == "the zip archive is cut off: no room for its zip64 locator");
  const auto located = [&](std::uint64_t stop) {
    return refusal("PK\6\7" + std::string(4, '\0') + test::bytes_of(stop) + std::string(4, '\0') + end32);
  };
  CHECK(located(43) == "the zip64 end record would begin at byte 43 of 42");
  CHECK(located(2) == "the zip archive is cut off: zip64 end record at byte 2 of 42");

  const std::string large = zip_file({{"a", "text", false, true}});
  const std::size_t extra = large.find("PK\1\2") + 46 + 1;
  CHECK(refusal(changed(large, extra + 2, "\xff\xff")) ==
        "member \"a\": its extra field of 65535 bytes is cut off");
  CHECK(refusal(changed(large, extra + 2, std::string("\4\0", 2))) ==
        "member \"a\": its zip64 field is too short");
  CHECK(refusal(changed(archive, 26, "\xff\xff")) == "member \"a\": its local header is cut off");
}

TEST_CASE("two members of one name, or of the same bytes, are refused") {
  CHECK(refusal(zip_file({{"a", "1"}, {"a", "2"}})) == "the member \"a\" stands twice in the zip archive");
  // The second entry tells of the first's bytes, under a local header of its own name inside them.
  const std::string inner = zip_file({{"b", "x"}}).substr(0, 32);
  const std::string outer = zip_file({{"a", inner}, {"b", "x"}});
  const std::size_t second = outer.find("PK\1\2", outer.find("PK\1\2") + 1);
  CHECK(refusal(changed(outer, second + 42, test::bytes_of(std::uint32_t{31}))) ==
        "members \"a\" and \"b\" overlap in the zip archive");
}

TEST_CASE("deflated data that are damaged, longer or shorter than stated are refused") {
  const auto inflating = [](const std::string& file) {
    return message_of<FileError>([&] { inflated(members(file)[1]); });
  };
  const std::size_t data = archive.find("PK\3\4", 1) + 31;
  CHECK(inflating(changed(archive, data, "\xff\xff")) == "its deflated data are damaged");
  const auto stated = [&](std::uint32_t size) {
    return changed(archive, second_entry + 24, test::bytes_of(size));
  };
  CHECK(inflating(stated(4999)) == "it inflates to more than the 4999 bytes it states");
  CHECK(inflating(stated(0)) == "it inflates to more than the 0 bytes it states");
  CHECK(inflating(stated(6000)) == "it inflates to 5000 bytes, not to the 6000 it states");
  CHECK_THAT(inflating(stated(4'000'000'000)),
             ContainsSubstring("bytes cannot inflate to the 4000000000 it states"));
  CHECK_THAT(inflating(changed(archive, second_entry + 16, "\1\2\3\4")), ContainsSubstring(", not 04030201"));
}
