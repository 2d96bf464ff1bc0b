#pragma once
#include <Eigen/Core>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace attnscope::detail {

/// What a tensor name such as "cross.1.attention" says.
struct FieldName {
  std::string stack;
  Eigen::Index layer = 0;
  std::string field;
};

/// <stack>.<layer>.<field>, or nothing for any other name: input.embedding, a weight of the model.
inline std::optional<FieldName> parse_field_name(std::string_view name) {
  const std::size_t first = name.find('.'), second = name.find('.', first + 1);
  if (first == 0 || first == name.npos || second == name.npos || second + 1 == name.size()) return {};
  const std::string_view layer = name.substr(first + 1, second - first - 1);
  std::int32_t index = -1;
  const auto [end, error] = std::from_chars(layer.data(), layer.data() + layer.size(), index);
  if (error != std::errc{} || end != layer.data() + layer.size() || index < 0) return {};
  return FieldName{std::string(name.substr(0, first)), index, std::string(name.substr(second + 1))};
}

/// The fields of d loss / d attention and, of the input, d loss / d embedding; of another target, ".<target>"
/// follows.
inline constexpr std::string_view gradient_field = "attention_gradient";
inline constexpr std::string_view embedding_gradient_field = "embedding_gradient";

/// The target of a field such as "attention_gradient.toxicity", or nothing for any other field. A target may
/// have dots in its name, but has a name. of: the field without target.
inline std::optional<std::string> gradient_target(std::string_view field,
                                                  std::string_view of = gradient_field) {
  if (!field.starts_with(of)) return {};
  field.remove_prefix(of.size());
  if (field.size() < 2 || field.front() != '.') return {};
  return std::string(field.substr(1));
}

/// What the names of a model's input begin with: input.embedding.
inline constexpr std::string_view input_prefix = "input.";

/// Whether a dump gives this name a meaning.
inline bool is_dump_name(std::string_view name) {
  return name.starts_with(input_prefix) || parse_field_name(name).has_value();
}

}  // namespace attnscope::detail
