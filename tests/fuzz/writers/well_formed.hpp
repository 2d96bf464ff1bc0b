#pragma once
// What is written must be what its format says, by other parsers than our own.
#include <expat.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include "fuzz/fuzz.hpp"

namespace fuzz {

/// An attribute of numbers, or of a colour, holds no number that is none.
inline void check_attribute(std::string_view name, std::string_view value) {
  const bool words = name == "role" || name == "xmlns" || name == "font-family" || name == "text-anchor";
  if (words) return;
  if (value.find("nan") != value.npos || value.find("inf") != value.npos)
    found(std::string(name) + "=\"" + std::string(value) + "\" is no number");
}

/// A picture: well-formed XML of the elements that pictures have, whose numbers are numbers. @returns its
/// texts
inline std::string check_svg(std::string_view svg) {
  struct State {
    std::string texts;
    int elements = 0;
  } state;
  const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate("UTF-8"),
                                                                       XML_ParserFree);
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(
      parser.get(),
      [](void* user, const char* name, const char** attributes) {
        constexpr std::string_view known[] = {"svg",  "title", "desc",   "rect", "g",
                                              "path", "text",  "circle", "line", "polygon"};
        if (std::ranges::count(known, name) != 1) found(std::string("an element ") + name + " in a picture");
        expect((static_cast<State*>(user)->elements++ == 0) == (std::string_view(name) == "svg"),
               "<svg> is the root alone");
        for (; *attributes; attributes += 2) {
          expect(!std::string_view(attributes[0]).starts_with("on"), "an attribute that runs code");
          check_attribute(attributes[0], attributes[1]);
        }
      },
      nullptr);
  XML_SetCharacterDataHandler(parser.get(), [](void* user, const char* text, int length) {
    static_cast<State*>(user)->texts.append(text, static_cast<std::size_t>(length));
  });
  const bool sound = XML_Parse(parser.get(), svg.data(), static_cast<int>(svg.size()), 1) == XML_STATUS_OK;
  if (!sound) found(std::string("a picture is no XML: ") + XML_ErrorString(XML_GetErrorCode(parser.get())));
  return state.texts;
}

/// What a text is in JSON of ours: what is no UTF-8 is replaced.
inline std::string in_json(const std::string& text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}
inline nlohmann::ordered_json check_json(std::string_view text) {
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  expect(!json.is_discarded(), "no JSON");
  return json;
}

/// The records of RFC 4180, all of as many fields as the first.
inline std::vector<std::vector<std::string>> check_csv(std::string_view csv) {
  std::vector<std::vector<std::string>> records(1, {""});
  bool quoted = false;
  for (std::size_t at = 0; at < csv.size(); ++at) {
    std::string& field = records.back().back();
    if (quoted) {
      if (csv[at] != '"')
        field += csv[at];
      else if (csv.substr(at + 1).starts_with('"'))
        field += csv[++at];
      else
        quoted = false;
    } else if (csv[at] == '"') {
      expect(field.empty(), "a quote within a field of CSV");
      quoted = true;
    } else if (csv[at] == ',') {
      records.back().emplace_back();
    } else if (csv.substr(at).starts_with("\r\n")) {
      ++at;
      if (at + 1 < csv.size()) records.push_back({""});
    } else {
      expect(csv[at] != '\r' && csv[at] != '\n', "a bare line break in CSV");
      field += csv[at];
    }
  }
  expect(!quoted && csv.ends_with("\r\n"), "CSV without an end");
  for (const auto& record : records)
    expect(record.size() == records.front().size(), "a record of CSV with more or fewer fields");
  return records;
}
/// A field of a number: empty, or read back whole.
inline void check_number(const std::string& field) {
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  const bool whole = error == std::errc{} && end == field.data() + field.size() && !std::isnan(value);
  if (!field.empty() && !whole) found("no number: " + field);
}

}  // namespace fuzz
