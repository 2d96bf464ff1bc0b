#pragma once
#include <attnscope/core/errors.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>

namespace attnscope {

/// The bytes of a file, mapped into memory for reading: opening costs no copy, and only the pages that are
/// looked at are ever read. Neither copied nor moved: whoever hands out views shares it by shared_ptr.
///
/// The file must keep its size while it is mapped; a file that is replaced by renaming does no harm.
class MappedFile {
 public:
  /// @throws FileError with the path and the reason: a file that is missing, unreadable or empty, a folder,
  /// pipe or device
  explicit MappedFile(const std::filesystem::path& path) {
    // Without O_NONBLOCK, opening a pipe waits for somebody to write into it.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    check(file.value >= 0, path, errno);
    struct stat status = {};
    check(::fstat(file.value, &status) == 0, path, errno);
    check(!S_ISDIR(status.st_mode), path, EISDIR);
    require<FileError>(S_ISREG(status.st_mode), "cannot read {}: it is not a regular file", path.string());
    require<FileError>(status.st_size > 0, "cannot read {}: the file is empty", path.string());

    const auto size = static_cast<std::size_t>(status.st_size);
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
    check(address != MAP_FAILED, path, errno);
    bytes_ = {static_cast<const std::byte*>(address), size};
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

  /// The whole file, at least one byte, beginning on a page boundary; valid as long as this object lives.
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  struct Descriptor {
    explicit Descriptor(int opened) : value(opened) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
      if (value >= 0) ::close(value);
    }
    int value;
  };

  static void check(bool succeeded, const std::filesystem::path& path, int reason) {
    require<FileError>(succeeded, "cannot read {}: {}", path.string(),
                       std::generic_category().message(reason));
  }

  std::span<const std::byte> bytes_;
};

}  // namespace attnscope
