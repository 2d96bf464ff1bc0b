#pragma once
#include <attnscope/core/errors.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace attnscope::detail {

/// The JSON text of a value. @throws FileError a string in it is not UTF-8
inline std::string json_text(const nlohmann::json& value) {
  try {
    return value.dump();
  } catch (const nlohmann::json::exception&) {
    constexpr auto mended = nlohmann::json::error_handler_t::replace;
    throw FileError(fmt::format("{} is not UTF-8", value.dump(-1, ' ', false, mended)));
  }
}

}  // namespace attnscope::detail
