#pragma once
#include <attnscope/io/json_text.hpp>
#include <attnscope/io/mapped_file.hpp>

#include <string_view>

namespace attnscope {

/// The tokens in a text file, as the string that the metadata `tokens` would hold. A file that ends in .json
/// holds that string; any other has a token a line, and an empty line between batch elements.
/// @throws FileError with the path: it cannot be read, or is not UTF-8
inline std::string read_tokens(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (path.extension() == ".json") return std::string(rest);
  nlohmann::json lists = nlohmann::json::array({nlohmann::json::array()});
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty())
      lists.back().push_back(line);
    else if (!lists.back().empty() && !rest.empty())
      lists.push_back(nlohmann::json::array());
  }
  if (lists.back().empty() && lists.size() > 1) lists.erase(lists.size() - 1);
  return in_context(path.string(), [&] { return detail::json_text(lists); });
}

}  // namespace attnscope
