#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/io/tensor_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

/// Reading the strings of a dump's metadata, most of which hold JSON. Everything throws FileError naming the
/// key.
namespace attnscope::metadata {

/// One list a batch element.
using TokenLists = std::vector<std::vector<std::string>>;

/// The string at `key`, or nothing.
inline const std::string* text(const Metadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

namespace detail {

[[noreturn]] inline void refuse(const std::string& key, std::string_view what, std::string_view value) {
  throw FileError(fmt::format("metadata {}: {}, but is: {}", key, what, value.substr(0, 60)));
}

inline bool is_index(const nlohmann::json& number) {
  return number.is_number_unsigned() &&
         number.get<std::uint64_t>() <= std::numeric_limits<std::int32_t>::max();
}

/// How deep the brackets of a JSON text nest. (The parser could watch this itself, but only by a callback
/// that makes it quadratic.)
inline int nesting(std::string_view json) {
  int depth = 0, deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{'))
      deepest = std::max(deepest, ++depth);
    else if (!quoted && (c == ']' || c == '}'))
      --depth;
  }
  return deepest;
}

inline std::vector<std::string> strings(const std::string& key, const nlohmann::json& list) {
  std::vector<std::string> all;
  for (const nlohmann::json& one : list) {
    if (!one.is_string()) refuse(key, "should hold strings", one.dump());
    all.push_back(one.get<std::string>());
  }
  return all;
}

}  // namespace detail

/// The JSON at `key`, or null (which no metadata holds otherwise). Nested more than 8 deep is refused: what
/// walks JSON recursively, its printer for one, would run out of stack.
inline nlohmann::json json(const Metadata& metadata, const std::string& key) {
  const std::string* value = text(metadata, key);
  if (!value) return nullptr;
  if (detail::nesting(*value) > 8) detail::refuse(key, "should not be nested so deeply", *value);
  nlohmann::json parsed = nlohmann::json::parse(*value, nullptr, false);
  if (parsed.is_discarded() || parsed.is_null()) detail::refuse(key, "should be JSON", *value);
  return parsed;
}

/// A list of token lists, from JSON that is one, or one list of strings (a batch of 1).
inline TokenLists token_lists(const std::string& key, const nlohmann::json& value) {
  if (!value.is_array()) detail::refuse(key, "should be a list of strings, or of such lists", value.dump());
  if (value.empty() || value.front().is_string()) return {detail::strings(key, value)};
  TokenLists all;
  for (const nlohmann::json& one : value) {
    if (!one.is_array()) detail::refuse(key, "should be a list of strings, or of such lists", one.dump());
    all.push_back(detail::strings(key, one));
  }
  return all;
}

/// A list of strings; empty without `key`.
inline std::vector<std::string> strings(const Metadata& metadata, const std::string& key) {
  const nlohmann::json value = json(metadata, key);
  if (value.is_null()) return {};
  if (!value.is_array()) detail::refuse(key, "should be a list of strings", value.dump());
  return detail::strings(key, value);
}

/// A list of indices, or one alone; empty without `key`.
inline std::vector<Eigen::Index> indices(const Metadata& metadata, const std::string& key) {
  nlohmann::json value = json(metadata, key);
  if (value.is_null()) return {};
  if (value.is_number()) value = nlohmann::json::array({value});
  if (!value.is_array()) detail::refuse(key, "should be a list of integers", value.dump());
  std::vector<Eigen::Index> all;
  for (const nlohmann::json& one : value) {
    if (!detail::is_index(one)) detail::refuse(key, "should hold integers from 0 on", one.dump());
    all.push_back(one.get<Eigen::Index>());
  }
  return all;
}

/// One list of numbers a batch element, from JSON that is such lists, or one (a batch of 1); empty without
/// `key`. Number: Eigen::Index, which may be negative, or double.
template <typename Number>
std::vector<std::vector<Number>> lists(const Metadata& metadata, const std::string& key) {
  nlohmann::json value = json(metadata, key);
  if (value.is_null()) return {};
  constexpr const char* expected = "should be a list of numbers, or of such lists";
  if (!value.is_array()) detail::refuse(key, expected, value.dump());
  if (value.empty() || !value.front().is_array()) value = nlohmann::json::array({value});
  std::vector<std::vector<Number>> all;
  for (const nlohmann::json& list : value) {
    if (!list.is_array()) detail::refuse(key, expected, list.dump());
    all.emplace_back();
    for (const nlohmann::json& one : list) {
      const bool fits = std::is_integral_v<Number> ? one.is_number_integer() : one.is_number();
      if (!fits || std::abs(one.get<double>()) > std::numeric_limits<std::int32_t>::max())
        detail::refuse(key, std::is_integral_v<Number> ? "should hold integers" : "should hold numbers",
                       one.dump());
      all.back().push_back(one.get<Number>());
    }
  }
  return all;
}

/// One list of pairs of indices a batch element, "[[[0, 0], [1, 2]], []]"; empty without `key`.
inline std::vector<std::vector<std::array<Eigen::Index, 2>>> pairs(const Metadata& metadata,
                                                                   const std::string& key) {
  const nlohmann::json value = json(metadata, key);
  if (value.is_null()) return {};
  constexpr const char* expected = "should be a list of pairs for each batch element";
  if (!value.is_array()) detail::refuse(key, expected, value.dump());
  std::vector<std::vector<std::array<Eigen::Index, 2>>> all;
  for (const nlohmann::json& list : value) {
    if (!list.is_array()) detail::refuse(key, expected, list.dump());
    all.emplace_back();
    for (const nlohmann::json& pair : list) {
      if (!pair.is_array() || pair.size() != 2 || !detail::is_index(pair[0]) || !detail::is_index(pair[1]))
        detail::refuse(key, "should hold pairs of integers from 0 on", pair.dump());
      all.back().push_back({pair[0].get<Eigen::Index>(), pair[1].get<Eigen::Index>()});
    }
  }
  return all;
}

/// A finite number; `otherwise` without `key`.
inline double number(const Metadata& metadata, const std::string& key, double otherwise) {
  const std::string* value = text(metadata, key);
  if (!value) return otherwise;
  double parsed = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), parsed);
  if (error != std::errc{} || end != value->data() + value->size() || !std::isfinite(parsed))
    detail::refuse(key, "should be a number", *value);
  return parsed;
}

/// An integer; 0 without `key`.
inline Eigen::Index integer(const Metadata& metadata, const std::string& key) {
  const double value = number(metadata, key, 0);
  if (value != std::trunc(value) || std::abs(value) > std::numeric_limits<std::int32_t>::max())
    detail::refuse(key, "should be an integer", *text(metadata, key));
  return static_cast<Eigen::Index>(value);
}

/// "true" or "false"; false without `key`.
inline bool flag(const Metadata& metadata, const std::string& key) {
  const std::string* value = text(metadata, key);
  if (value && *value != "true" && *value != "false") detail::refuse(key, "should be true or false", *value);
  return value && *value == "true";
}

}  // namespace attnscope::metadata
