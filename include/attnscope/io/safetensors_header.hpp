#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/io/dtype.hpp>
#include <attnscope/io/tensor_file.hpp>

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope {

namespace detail::safetensors {

inline constexpr std::size_t length_bytes = 8;
inline constexpr std::size_t most_header_bytes = 100'000'000;
inline constexpr std::string_view metadata_key = "__metadata__";

/// What the header says of one tensor, which has no bytes yet: they are [begin, end) of the data.
struct HeaderEntry {
  std::string name;
  RawTensor tensor;
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct Header {
  Metadata metadata;
  std::vector<HeaderEntry> entries;
};

/// Takes the JSON as the parser meets it: so a key that stands twice is seen, nothing nests deeper than the
/// format does, and the cost is linear. No function returns false, they throw.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Header header;

  bool null() override { refuse(); }
  bool boolean(bool) override { refuse(); }
  bool number_integer(number_integer_t) override { refuse(); }
  bool number_float(number_float_t, const string_t&) override { refuse(); }
  bool binary(binary_t&) override { refuse(); }

  bool number_unsigned(number_unsigned_t number) override {
    if (level_ != Level::list || number > std::numeric_limits<std::int64_t>::max()) refuse();
    list_.push_back(static_cast<Eigen::Index>(number));
    return true;
  }

  bool string(string_t& text) override {
    if (level_ == Level::metadata) {
      header.metadata.emplace(key_, text);
    } else if (level_ == Level::tensor && key_ == "dtype") {
      const std::optional<Dtype> dtype = dtype_named(text);
      if (!dtype) fail("unknown dtype \"{}\"", text);
      header.entries.back().tensor.dtype = *dtype;
    } else {
      refuse();
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (level_ > Level::names) refuse();
    keys_.clear();
    if (level_ == Level::outside) {
      level_ = Level::names;
    } else if (name_ == metadata_key) {
      level_ = Level::metadata;
    } else {
      level_ = Level::tensor;
      header.entries.push_back({name_, {}});
    }
    return true;
  }

  bool key(string_t& text) override {
    (level_ == Level::names ? name_ : key_) = text;
    if (!(level_ == Level::names ? names_ : keys_).insert(text).second)
      fail("the key \"{}\" stands twice", text);
    if (level_ == Level::tensor && text != "dtype" && text != "shape" && text != "data_offsets") {
      fail("unknown field \"{}\"", text);
    }
    return true;
  }

  bool end_object() override {
    if (level_ == Level::tensor) finish_tensor();
    level_ = level_ == Level::names ? Level::outside : Level::names;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != Level::tensor || key_ == "dtype") refuse();
    level_ = Level::list;
    return true;
  }

  bool end_array() override {
    level_ = Level::tensor;
    const std::vector<Eigen::Index> list = std::exchange(list_, {});
    HeaderEntry& entry = header.entries.back();
    if (key_ == "shape") {
      entry.tensor.shape = list;
    } else {
      if (list.size() != 2) fail("data_offsets has {} numbers, not 2", list.size());
      if (list[0] > list[1]) fail("data_offsets [{}, {}] run backwards", list[0], list[1]);
      entry.begin = static_cast<std::size_t>(list[0]);
      entry.end = static_cast<std::size_t>(list[1]);
    }
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 9: reason; last read: ..."
    const std::string_view text = error.what();
    const std::string_view reason = text.substr(text.find(']') + 1);
    throw FileError(
        fmt::format("the header is no valid JSON:{}", reason.substr(0, reason.find("; last read"))));
  }

 private:
  enum class Level { outside, names, metadata, tensor, list };

  void finish_tensor() const {
    for (const char* field : {"dtype", "shape", "data_offsets"}) {
      if (!keys_.contains(field)) fail("the field \"{}\" is missing", field);
    }
    const HeaderEntry& entry = header.entries.back();
    const RawTensor& tensor = entry.tensor;
    if (stored_bytes(tensor.dtype, tensor.shape) != entry.end - entry.begin) {
      fail("the {} bytes of data_offsets [{}, {}] cannot be a {} tensor of shape [{}]",
           entry.end - entry.begin, entry.begin, entry.end, dtype_name(tensor.dtype),
           fmt::join(tensor.shape, ", "));
    }
  }

  // What stands here is of the wrong kind.
  [[noreturn]] void refuse() const {
    if (level_ == Level::list) fail("{}[{}] is not an integer from 0 to 2^63 - 1", key_, list_.size());
    if (level_ == Level::tensor) fail("{} is not {}", key_, key_ == "dtype" ? "a string" : "an array");
    if (level_ == Level::metadata) fail("the value of \"{}\" is not a string", key_);
    fail("not an object");
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) const {
    const std::string what = fmt::format(text, std::forward<Args>(args)...);
    if (name_ == metadata_key) throw FileError(fmt::format("{}: {}", name_, what));
    throw FileError(fmt::format("tensor \"{}\": {}", name_, what));
  }

  Level level_ = Level::outside;
  std::string name_, key_;              // of the entry, and inside it
  std::set<std::string> names_, keys_;  // those seen so far
  std::vector<Eigen::Index> list_;
};

/// The text between the length and the data.
inline std::string_view header_text(std::span<const std::byte> file) {
  require<FileError>(file.size() >= length_bytes, "{} bytes are too few for a safetensors file", file.size());
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), length_bytes);
  require<FileError>(length <= most_header_bytes, "the header claims {} bytes, at most {} are allowed",
                     length, most_header_bytes);
  file = file.subspan(length_bytes);
  require<FileError>(length <= file.size(), "the header claims {} bytes, the file has {} left", length,
                     file.size());
  return {reinterpret_cast<const char*>(file.data()), static_cast<std::size_t>(length)};
}

inline Header read_header(std::string_view text) {
  require<FileError>(text.starts_with('{'), "the header of {} bytes does not begin with '{{'", text.size());
  // The parser would take it for the end of the text.
  const std::size_t zero = text.find('\0');
  require<FileError>(zero == text.npos, "the header is no valid JSON: a zero byte at {}", zero);
  HeaderReader reader;
  nlohmann::json::sax_parse(text, &reader);
  return std::move(reader.header);
}

}  // namespace detail::safetensors

}  // namespace attnscope
