#include <attnscope/core/atomic_file.hpp>

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
namespace fs = std::filesystem;
using test::TemporaryFolder;
using test::text_of;
using test::write_text;

namespace {

long files_in(const TemporaryFolder& folder) {
  return std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
}

// As long as it lives, no file of this process can grow beyond `bytes`: the nearest thing to a full disk.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace

TEST_CASE("the text is in the file, and nothing else in the folder") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.txt", std::string("one\0two\n", 8));
  CHECK(text_of(folder / "a.txt") == std::string("one\0two\n", 8));
  write_file_atomically(folder / "a.txt", "");
  CHECK(text_of(folder / "a.txt").empty());
  CHECK(files_in(folder) == 1);
}

TEST_CASE("pieces follow one another, and show only after the commit") {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "before");
  AtomicFile file(folder / "a.txt");
  file.write(std::as_bytes(std::span("ab", 2)));
  file.write(std::as_bytes(std::span("c", 1)));
  CHECK(text_of(folder / "a.txt") == "before");
  file.commit();
  CHECK(text_of(folder / "a.txt") == "abc");
}

TEST_CASE("without a commit nothing changes and nothing stays") {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "before");
  {
    AtomicFile file(folder / "a.txt");
    file.write(std::as_bytes(std::span("after", 5)));
    CHECK(files_in(folder) == 2);
  }
  CHECK(text_of(folder / "a.txt") == "before");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("two writers of one file do not disturb each other") {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a.txt"), second(folder / "a.txt");
  first.write(std::as_bytes(std::span("first", 5)));
  second.write(std::as_bytes(std::span("second", 6)));
  second.commit();
  first.commit();
  CHECK(text_of(folder / "a.txt") == "first");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("what a crashed program left under a temporary name is neither used nor harmed") {
  const TemporaryFolder folder;
  const AtomicFile open(folder / "a.txt");
  const std::string name = fs::directory_iterator(folder.path())->path().filename().string();
  const std::size_t number = name.rfind('-') + 1;
  const std::string next =
      name.substr(0, number) + std::to_string(std::stoul(name.substr(number)) + 1) + ".tmp";
  write_text(folder / next, "left over");
  write_file_atomically(folder / "b.txt", "text");
  CHECK(text_of(folder / next) == "left over");
  CHECK(text_of(folder / "b.txt") == "text");
}

TEST_CASE("others may read the file, as far as the umask allows") {
  const TemporaryFolder folder;
  const mode_t before = ::umask(022);
  write_file_atomically(folder / "a.txt", "text");
  ::umask(before);
  CHECK(fs::status(folder / "a.txt").permissions() == fs::perms{0644});
}

TEST_CASE("a name as long as names can be is no obstacle") {
  const TemporaryFolder folder;
  const std::string longest(255, 'n');
  write_file_atomically(folder / longest, "text");
  CHECK(text_of(folder / longest) == "text");
}

TEST_CASE("a link keeps its place: the file behind it is written") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "elsewhere");
  write_text(folder / "elsewhere/real", "before");
  fs::create_symlink(folder / "elsewhere/real", folder / "link");
  write_file_atomically(folder / "link", "after");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(text_of(folder / "elsewhere/real") == "after");
}

TEST_CASE("a folder or a device is not replaced") {
  const TemporaryFolder folder;
  for (const fs::path& path : {folder.path(), fs::path("/dev/full"), fs::path("/dev/null")}) {
    CHECK(message_of<FileError>([&] { write_file_atomically(path, "text"); }) ==
          "cannot write " + path.string() + ": it exists and is not a regular file");
  }
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a missing folder, a file as folder: the message has the path and the system's reason") {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  const fs::path missing = folder / "no/such", below_file = folder / "file/below";
  CHECK(message_of<FileError>([&] { write_file_atomically(missing, "text"); }) ==
        "cannot write " + missing.string() + ": No such file or directory");
  CHECK(message_of<FileError>([&] { write_file_atomically(below_file, "text"); }) ==
        "cannot write " + below_file.string() + ": Not a directory");
  CHECK_THROWS_AS(write_file_atomically("", "text"), FileError);
}

TEST_CASE("when the disk is full the old file stays and no half of the new one") {
  const TemporaryFolder folder;
  const fs::path path = folder / "a.txt";
  write_text(path, "before");
  const std::string message = [&] {
    const SmallDisk disk(4096);
    return message_of<FileError>([&] { write_file_atomically(path, std::string(10'000, 'x')); });
  }();
  CHECK(message == "cannot write " + path.string() + ": File too large");
  CHECK(text_of(path) == "before");
  CHECK(files_in(folder) == 1);
}
