#include <attnscope/report/script/script.hpp>
#include <attnscope/report/script/style.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

// What the page does with it: the tests in a browser.
using namespace attnscope;

namespace {
std::size_t times(std::string_view text, std::string_view words) {
  std::size_t count = 0;
  for (auto at = text.find(words); at != text.npos; at = text.find(words, at + words.size())) ++count;
  return count;
}

const std::vector<std::string_view> parts{
    detail::data_script,   detail::controls_script,  detail::maps_script,
    detail::heads_script,  detail::overview_script,  detail::model_script,
    detail::layers_script, detail::alignment_script, detail::start_script};
}  // namespace

TEST_CASE("every part of the script is in one strict scope, once") {
  const std::string script = detail::page_script();
  CHECK(script.starts_with("(function () {\n\"use strict\";\n"));
  CHECK(script.ends_with("})();\n"));
  for (const std::string_view part : parts) CHECK(times(script, part) == 1);
}

TEST_CASE("text of the user's becomes neither markup nor code") {
  const std::string script = detail::page_script();
  for (const std::string_view way :
       {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(",
        "new Function", "createContextualFragment", "setAttribute(\"on"}) {
    CAPTURE(way);
    CHECK(times(script, way) == 0);
  }
}

TEST_CASE("script and style ask nothing of a network, and do not end their own element") {
  const std::string both = detail::page_script() + std::string(detail::page_style);
  for (const std::string_view way : {"fetch(", "XMLHttpRequest", "import(", "WebSocket",
                                     "http:", "https:", "@import", "url(", "</script", "</style", "<!--"}) {
    CAPTURE(way);
    CHECK(times(both, way) == 0);
  }
}

TEST_CASE("both themes have the colours that the style adds") {
  const std::string_view style = detail::page_style;
  for (const std::string_view name : {"--accent:", "--panel:"}) CHECK(times(style, name) == 2);
}
