// The strings of a dump's metadata, under every kind of key.
#include <attnscope/io/json_text.hpp>
#include <attnscope/io/metadata.hpp>

#include "fuzz/fuzz.hpp"

namespace meta = attnscope::metadata;

/// JSON of a value that was read from JSON reads as the same value.
template <typename Value>
void again(const Value& value, Value (*read)(const attnscope::Metadata&, const std::string&)) {
  const attnscope::Metadata written{{"key", attnscope::detail::json_text(value)}};
  fuzz::expect(read(written, "key") == value, "JSON reads as something else the second time");
}
meta::TokenLists token_lists(const attnscope::Metadata& all, const std::string& key) {
  return meta::token_lists(key, meta::json(all, key));
}
template <typename Read>
void kept(const attnscope::Metadata& all, const Read& read) {
  if (const auto value = fuzz::accepted([&] { return read(all, "key"); })) again(*value, +read);
}
void run(FuzzedDataProvider& data) {
  const attnscope::Metadata all{{"key", fuzz::rest_text(data)}};
  const std::string key = "key";
  kept(all, [](const attnscope::Metadata& m, const std::string& k) { return token_lists(m, k); });
  kept(all, [](const attnscope::Metadata& m, const std::string& k) { return meta::strings(m, k); });
  kept(all, [](const attnscope::Metadata& m, const std::string& k) { return meta::indices(m, k); });
  kept(all,
       [](const attnscope::Metadata& m, const std::string& k) { return meta::lists<Eigen::Index>(m, k); });
  kept(all, [](const attnscope::Metadata& m, const std::string& k) { return meta::lists<double>(m, k); });
  kept(all, [](const attnscope::Metadata& m, const std::string& k) { return meta::pairs(m, k); });
  const auto number = fuzz::accepted([&] { return meta::number(all, key, 0); });
  fuzz::expect(!number || std::isfinite(*number), "a number that is not finite");
  const auto integer = fuzz::accepted([&] { return meta::integer(all, key); });
  fuzz::expect(!integer || (number && static_cast<double>(*integer) == *number),
               "another integer than number");
  fuzz::accepted([&] { return meta::flag(all, key); });
}
std::vector<std::string> seeds() {
  return {R"(["[CLS]","a","\u00e4"])",
          R"([["a"],["b",""]])",
          "[1,2,3]",
          "7",
          "[[0,1],[-2]]",
          "[[0.5,1e9],[]]",
          "[[[0,0],[1,2]],[]]",
          "1e-5",
          "-3",
          "true",
          "false",
          "[[[[[[[[[1]]]]]]]]]",
          R"({"a":[1]})",
          "[2147483648]"};
}
const fuzz::Register registered("metadata", run, seeds);
