#pragma once
#include <attnscope/core/errors.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

/// 64 bits of a text by FNV-1a (Fowler, Noll & Vo), going on from `from`. Not for what somebody may forge.
inline std::uint64_t text_hash(std::string_view text, std::uint64_t from = 0xCBF29CE484222325u) {
  for (const char c : text) from = (from ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return from;
}
/// 64 bits of a list of names, in their order.
inline std::uint64_t list_hash(const std::vector<std::string>& names) {
  std::uint64_t hash = text_hash("");
  for (const std::string& name : names)
    hash = text_hash(name, text_hash(fmt::format("{}:", name.size()), hash));
  return hash;
}

/// Which run over a corpus a part is of: everything that its numbers hang on, by name. Parts of one run pool;
/// parts of unlike runs do not.
struct CorpusRun {
  std::map<std::string, std::string> fields{};  ///< "window": "3"

  /// 16 hexadecimal digits.
  std::string fingerprint() const {
    std::uint64_t hash = text_hash("");
    for (const auto& [name, value] : fields)
      for (const std::string& text : {name, value})
        hash = text_hash(text, text_hash(fmt::format("{}:", text.size()), hash));
    return fmt::format("{:016x}", hash);
  }
  /// "window is 3 here and 5 there"; empty where nothing is unlike.
  std::string unlike(const CorpusRun& other, const std::string& here, const std::string& there) const {
    std::map<std::string, std::string> all = fields;
    all.insert(other.fields.begin(), other.fields.end());
    const auto value = [](const CorpusRun& run, const std::string& name) {
      const auto found = run.fields.find(name);
      return found == run.fields.end() ? std::string("not given") : found->second;
    };
    for (const auto& [name, unused] : all)
      if (value(*this, name) != value(other, name))
        return fmt::format("{} is {} in {} and {} in {}", name, value(*this, name), here, value(other, name),
                           there);
    return "";
  }
};

/// Asks that two parts are of one run. here, there: where they are of. @throws ValueError naming the first
/// thing that is unlike, its value here and there
inline void require_same_run(const CorpusRun& one, const std::string& here, const CorpusRun& other,
                             const std::string& there) {
  const std::string unlike = one.unlike(other, here, there);
  require<ValueError>(unlike.empty(), "parts of unlike runs do not pool: {}", unlike);
}

}  // namespace attnscope
