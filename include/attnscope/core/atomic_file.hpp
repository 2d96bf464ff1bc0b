#pragma once
#include <attnscope/core/errors.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace attnscope {

/// A file that appears whole or not at all: what is written goes to a temporary name in the same folder, and
/// `commit` moves it to `path`. Without a commit nothing is left behind, and what stood at `path` stays.
///
/// A symbolic link at `path` is followed; anything else that is no regular file (a folder, a device) is
/// refused. Every failure throws FileError with the path and the system's reason. One AtomicFile belongs to
/// one thread; any number of them may write to the same path, the last commit wins.
class AtomicFile {
 public:
  /// Opens the temporary file beside `path`. @throws FileError
  explicit AtomicFile(const std::filesystem::path& path) : target_(destination(path)) { open_temporary(); }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  /// Appends the bytes.
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ::ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      check(written > 0);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Makes sure that the bytes have reached the disk, then gives the file its name. Nothing may be written
  /// after.
  void commit() {
    check(::fsync(descriptor_) == 0);
    check(::close(std::exchange(descriptor_, -1)) == 0);
    check(::rename(temporary_.c_str(), target_.c_str()) == 0);
    temporary_.clear();
  }

 private:
  // Renaming onto a link or a device would replace the link or the device itself.
  static std::filesystem::path destination(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::path existing = std::filesystem::canonical(path, error);
    if (error) return path;
    require<FileError>(std::filesystem::is_regular_file(existing, error),
                       "cannot write {}: it exists and is not a regular file", path.string());
    return existing;
  }

  // Not mkstemp: its files are for their owner's eyes only, and stay so after the renaming.
  void open_temporary() {
    static std::atomic<unsigned> count{0};
    do {
      temporary_ = target_.parent_path() / fmt::format(".attnscope-{}-{}.tmp", ::getpid(), count++);
      descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    check(descriptor_ >= 0);
  }

  void check(bool succeeded) const {
    const int reason = errno;
    require<FileError>(succeeded, "cannot write {}: {}", target_.string(),
                       std::generic_category().message(reason));
  }

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

/// Makes `text` the content of the file `path`, whole or not at all (see AtomicFile).
inline void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace attnscope
