#pragma once
#include <attnscope/io/mapped_file.hpp>
#include <attnscope/io/raw_tensor.hpp>

#include <charconv>
#include <cstring>
#include <filesystem>

namespace attnscope {

namespace detail::npy {

using Eigen::Index;

inline constexpr std::string_view magic = "\x93NUMPY";
inline constexpr std::size_t most_header_bytes = 10'000;  // as NumPy

/// An array as it stands in the file, numbers or text.
struct Array {
  char kind = 'f';  ///< NumPy's letter: f, i, u, b are numbers, U and S text
  std::size_t item_bytes = 4;
  bool big_endian = false;
  bool first_axis_fastest = false;  ///< "fortran_order"
  std::vector<Index> shape;
  std::span<const std::byte> bytes;

  bool is_text() const { return kind == 'U' || kind == 'S'; }
};

/// Reads the header: a Python dictionary of exactly the keys descr, fortran_order and shape, in any order.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  Array read() {
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      read_value(key);
      if (accept(',')) continue;
      expect('}');
      break;
    }
    skip_spaces();
    if (at_ != text_.size()) fail("there is more after the '}'");
    for (const char* key : {"descr", "fortran_order", "shape"})
      require<FileError>(std::ranges::count(seen_, key) == 1, "the header has no {}", key);
    return std::move(array_);
  }

 private:
  void read_value(const std::string& key) {
    require<FileError>(std::ranges::count(seen_, key) == 0, "the header has {} twice", key);
    seen_.push_back(key);
    if (key == "descr")
      read_descr();
    else if (key == "fortran_order")
      array_.first_axis_fastest = boolean();
    else if (key == "shape")
      read_shape();
    else
      throw FileError(fmt::format("the header has an unknown key \"{}\"", key));
  }

  /// "<f4": byte order, kind, bytes of an element; of text ('U') characters.
  void read_descr() {
    require<FileError>(!starts('['), "it is an array of records; save its fields as arrays of their own");
    const std::string descr = string();
    std::string_view rest = descr;
    constexpr std::string_view orders = "<>|=";
    const char order = !rest.empty() && orders.find(rest[0]) != orders.npos ? rest[0] : '=';
    if (!rest.empty() && orders.find(rest[0]) != orders.npos) rest.remove_prefix(1);
    array_.kind = rest.empty() ? '?' : rest[0];
    require<FileError>(array_.kind != 'O',
                       "it holds pickled Python objects, which run code when they are read; save numbers");
    std::uint32_t size = 0;
    const char* const end = rest.data() + rest.size();
    const auto [stop, error] = std::from_chars(rest.data() + !rest.empty(), end, size);
    const bool known = error == std::errc{} && stop == end && is_known(array_.kind, size);
    require<FileError>(known,
                       "its dtype is \"{}\"; read are floats of 2, 4 and 8 bytes, integers, booleans and "
                       "text{}",
                       descr, array_.kind == 'V' ? " (bfloat16 has none in this format: use float32)" : "");
    array_.item_bytes = array_.kind == 'U' ? std::size_t{4} * size : size;
    array_.big_endian = order == '>';
  }

  static bool is_known(char kind, std::uint32_t size) {
    const bool power = size == 1 || size == 2 || size == 4 || size == 8;
    switch (kind) {
      case 'f':
        return power && size > 1;
      case 'i':
      case 'u':
        return power;
      case 'b':
        return size == 1;
      default:
        return (kind == 'U' || kind == 'S') && size > 0;
    }
  }

  void read_shape() {
    expect('(');
    while (!accept(')')) {
      array_.shape.push_back(integer());
      accept('L');  // Python 2 wrote (3L, 4L)
      if (accept(',')) continue;
      expect(')');
      return;
    }
  }

  Index integer() {
    skip_spaces();
    std::int64_t value = -1;
    const char* const first = text_.data() + at_;
    const auto [stop, error] = std::from_chars(first, text_.data() + text_.size(), value);
    if (error != std::errc{} || value < 0) fail("expected a length from 0 to 2^63 - 1");
    at_ += static_cast<std::size_t>(stop - first);
    return value;
  }
  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    fail("expected True or False");
  }
  std::string string() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : text_.npos;
    if (end == text_.npos) fail("expected a string");
    const std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  void skip_spaces() { at_ = std::min(text_.find_first_not_of(" \t\n", at_), text_.size()); }
  bool starts(char c) {
    skip_spaces();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool accept(char c) {
    const bool there = starts(c);
    at_ += there;
    return there;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected '{}'", c));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(fmt::format("the header is no dictionary of NumPy's, at character {}: {}", at_, what));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Array array_;
  std::vector<std::string> seen_;
};

/// The array in the bytes of a whole .npy file, versions 1 to 3.
inline Array parse(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  require<FileError>(text.starts_with(magic) && text.size() >= 10, "it is no .npy file");
  const int version = static_cast<int>(file[6]);
  require<FileError>(version >= 1 && version <= 3, "it is of version {} of the .npy format, not 1, 2 or 3",
                     version);
  const std::size_t begin = version == 1 ? 10 : 12;
  require<FileError>(begin <= file.size(), "its header is cut off");
  std::size_t length = 0;
  std::memcpy(&length, file.data() + 8, begin - 8);
  require<FileError>(length <= most_header_bytes, "the header claims {} bytes, at most {} are allowed",
                     length, most_header_bytes);
  require<FileError>(length <= file.size() - begin, "the header claims {} bytes, the file has {} left",
                     length, file.size() - begin);
  Array array = HeaderReader(text.substr(begin, length)).read();
  array.bytes = file.subspan(begin + length);
  std::vector<Index> bytes = array.shape;
  bytes.push_back(static_cast<Index>(array.item_bytes));
  const auto expected = stored_bytes(Dtype::U8, bytes);
  require<FileError>(expected == array.bytes.size(),
                     "an array of shape [{}] with {} bytes an element needs {} bytes, {} follow the header",
                     fmt::join(array.shape, ", "), array.item_bytes,
                     expected ? fmt::format("{}", *expected) : "more than 2^60", array.bytes.size());
  return array;
}

/// How many elements lie between an index of each axis and the next.
inline std::vector<Index> strides(const Array& array) {
  std::vector<Index> strides(array.shape.size());
  Index stride = 1;
  for (std::size_t k = 0; k < strides.size(); ++k) {
    const std::size_t axis = array.first_axis_fastest ? k : strides.size() - 1 - k;
    strides[axis] = stride;
    stride *= array.shape[axis];
  }
  return strides;
}

/// The items in our order: last axis fastest, little endian.
inline std::shared_ptr<const std::byte[]> in_order(const Array& array) {
  const std::vector<Index> stride = strides(array);
  std::vector<Index> index(array.shape.size(), 0);
  const std::size_t number_bytes = array.kind == 'U' ? 4 : array.kind == 'S' ? 1 : array.item_bytes;
  const std::shared_ptr<std::byte[]> items(new std::byte[array.bytes.size()]);
  Index from = 0;
  for (std::size_t to = 0; to < array.bytes.size(); to += array.item_bytes) {
    const std::span<std::byte> item(items.get() + to, array.item_bytes);
    std::ranges::copy(array.bytes.subspan(static_cast<std::size_t>(from) * item.size(), item.size()),
                      item.begin());
    if (array.big_endian)
      for (std::size_t k = 0; k < item.size(); k += number_bytes)
        std::ranges::reverse(item.subspan(k, number_bytes));
    // To the next index, as an odometer counts.
    for (std::size_t axis = index.size(); axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < array.shape[axis]) break;
      from -= stride[axis] * array.shape[axis];
      index[axis] = 0;
    }
  }
  return items;
}

inline Dtype dtype_of_numbers(const Array& array) {
  if (array.kind == 'b') return Dtype::BOOL;
  const char kind = array.kind == 'f' ? 'F' : array.kind == 'i' ? 'I' : 'U';
  return *dtype_named(fmt::format("{}{}", kind, 8 * array.item_bytes));
}

/// The items of an array in our order: lent as they lie, or a copy.
inline std::shared_ptr<const std::byte[]> items_of(const Array& array,
                                                   const std::shared_ptr<const void>& owner) {
  const bool one_axis = array.shape.size() < 2, one_byte = array.kind == 'S' || array.item_bytes == 1;
  if ((one_axis || !array.first_axis_fastest) && (one_byte || !array.big_endian))
    return {owner, array.bytes.data()};
  return in_order(array);
}

inline RawTensor tensor_of(const Array& array, const std::shared_ptr<const void>& owner) {
  require<FileError>(!array.is_text(), "it holds text, not numbers");
  const std::shared_ptr<const std::byte[]> items = items_of(array, owner);
  return {dtype_of_numbers(array), array.shape, {items.get(), array.bytes.size()}, items};
}

}  // namespace detail::npy

/// The tensor in the bytes of a .npy file
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): versions 1, 2 and 3; floats of
/// 2, 4, 8 bytes, integers and booleans; either order of axes and of bytes. Little-endian arrays in C order
/// are lent where they lie, at no cost; others are copied once, into as many bytes as the file has.
///
/// @throws FileError a header that is not NumPy's, other dtypes (pickled objects above all), a shape that
/// does not match the bytes that follow; nothing is allocated before that is checked
inline RawTensor parse_npy(std::span<const std::byte> file,
                           const std::shared_ptr<const void>& owner = nullptr) {
  return detail::npy::tensor_of(detail::npy::parse(file), owner);
}

/// The same from a file, which stays mapped. @throws FileError with the path
inline RawTensor read_npy(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return in_context(path.string(), [&] { return parse_npy(file->bytes(), file); });
}

}  // namespace attnscope
