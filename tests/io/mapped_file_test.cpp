#include <attnscope/io/mapped_file.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
namespace fs = std::filesystem;
using test::TemporaryFolder;
using test::write_text;

namespace {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string message_for(const fs::path& path) {
  return message_of<FileError>([&] { MappedFile{path}; });
}

}  // namespace

TEST_CASE("the bytes are those of the file, whatever its size") {
  const TemporaryFolder folder;
  for (const std::size_t size : {1u, 4095u, 4096u, 4097u, 100'000u}) {
    std::string text(size, '\0');
    std::generate(text.begin(), text.end(), [n = 0]() mutable { return static_cast<char>(n++ * 31 % 251); });
    write_text(folder / "file", text);
    CHECK(text_of(MappedFile(folder / "file")) == text);
  }
}

TEST_CASE("the bytes stay when the file is removed or replaced") {
  const TemporaryFolder folder;
  write_text(folder / "file", "old");
  const MappedFile file(folder / "file");
  write_text(folder / "new", "new");
  fs::rename(folder / "new", folder / "file");
  CHECK(text_of(file) == "old");
  fs::remove(folder / "file");
  CHECK(text_of(file) == "old");
}

TEST_CASE("no descriptor stays open, whether mapping works or not") {
  const TemporaryFolder folder;
  write_text(folder / "file", "text");
  write_text(folder / "empty", "");
  const int before = ::dup(0);
  ::close(before);
  const MappedFile file(folder / "file");
  CHECK_THROWS_AS(MappedFile(folder / "empty"), FileError);
  CHECK_THROWS_AS(MappedFile(folder.path()), FileError);
  const int after = ::dup(0);
  ::close(after);
  CHECK(after == before);
}

TEST_CASE("what cannot be mapped is named, with the reason") {
  const TemporaryFolder folder;
  write_text(folder / "empty", "");
  const auto message = [&](std::string_view name) {
    return "cannot read " + (folder / name).string() + ": ";
  };
  CHECK(message_for(folder / "missing") == message("missing") + "No such file or directory");
  CHECK(message_for(folder / "empty/below") == message("empty/below") + "Not a directory");
  CHECK(message_for(folder / "empty") == message("empty") + "the file is empty");
  CHECK(message_for(folder.path()) == "cannot read " + folder.path().string() + ": Is a directory");
  CHECK(message_for("/dev/null") == "cannot read /dev/null: it is not a regular file");
}

TEST_CASE("a pipe without a writer is refused, not waited for") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(message_for(folder / "pipe"), ContainsSubstring("not a regular file"));
}

TEST_CASE("a file that may not be read is refused with the system's reason") {
  const TemporaryFolder folder;
  write_text(folder / "secret", "text");
  fs::permissions(folder / "secret", fs::perms::none);
  const bool root = ::geteuid() == 0;  // who may read everything, and so has to be somebody else for a moment
  if (root && ::seteuid(65534) != 0) return;
  const std::string message = message_for(folder / "secret");
  if (root) REQUIRE(::seteuid(0) == 0);
  CHECK(message == "cannot read " + (folder / "secret").string() + ": Permission denied");
}
