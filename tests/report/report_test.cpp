// Every number of the report against reference.py, which computes it anew from the definitions (its results
// stand in tests/report/reference; `reference.py --all` makes them again).
#include <attnscope/report/json.hpp>

#include <fstream>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"

using namespace attnscope;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

std::vector<Index> numbers(const std::string& list) {
  return Json::parse("[" + list + "]").get<std::vector<Index>>();
}

/// STEM[@window=N][@layers=A,B][@heads=A,B][@target=NAME][@exclude-special]
struct Case {
  std::string stem;
  AnalyzeOptions options;

  explicit Case(const std::string& name) {
    std::stringstream parts(name);
    std::getline(parts, stem, '@');
    for (std::string part; std::getline(parts, part, '@');) {
      const std::string value = part.substr(std::min(part.size(), part.find('=') + 1));
      if (part.starts_with("window="))
        options.window = numbers(value).front();
      else if (part.starts_with("layers="))
        options.layers = numbers(value);
      else if (part.starts_with("heads="))
        options.heads = numbers(value);
      else if (part.starts_with("target="))
        options.target = value;
      else if (part == "exclude-special")
        options.exclude_special = true;
      else if (part == "flow")
        options.flow = true;
      else if (part == "rollout")  // stands in every report, but in some references alone
        continue;
      else
        FAIL("unknown option " + part);
    }
  }
  fs::path dump() const {
    for (const char* folder :
         {ATTNSCOPE_TEST_DIR "/data", ATTNSCOPE_TEST_DIR "/data/synthetic", ATTNSCOPE_EXAMPLE_DATA})
      if (const fs::path path = fs::path(folder) / (stem + ".safetensors"); fs::exists(path)) return path;
    FAIL("no dump " + stem);
    return {};
  }
  double tolerance() const { return stem.starts_with("queries_keys") ? 2e-5 : 2e-6; }
};

/// Every key of `expected` stands in `report` with the same value.
void check_same(const std::string& place, const Json& expected, const Json& report, double tolerance) {
  INFO(place << ": expected " << expected.dump().substr(0, 200) << ", is " << report.dump().substr(0, 200));
  if (expected.is_object()) {
    REQUIRE(report.is_object());
    for (const auto& [key, value] : expected.items()) {
      if (key == "per_example") continue;
      REQUIRE(report.contains(key));
      check_same(place + "/" + key, value, report[key], tolerance);
    }
  } else if (expected.is_array()) {
    REQUIRE(report.is_array());
    REQUIRE(report.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      check_same(place + "/" + std::to_string(i), expected[i], report[i], tolerance);
  } else if (expected.is_number_float()) {
    REQUIRE(report.is_number());
    const double a = expected.get<double>(), b = report.get<double>();
    CHECK(std::abs(a - b) <= tolerance * std::max(1.0, std::abs(a)));
  } else {
    CHECK(report == expected);
  }
}

/// The metrics of one batch element, under the names of the report.
Json element_json(const LayerMetrics& element) {
  Json json;
  for (const HeadMetric& metric : head_metrics(element)) json[metric.name] = detail::json_list(metric.values);
  for (const LayerMetric& metric : layer_metrics(element)) json[metric.name] = metric.value;
  return Json::parse(json.dump());  // NaN becomes null
}

void check_elements(const Json& expected, const StackAnalysis& stack, double tolerance) {
  for (Json one : expected) {
    const Index layer = one["layer"].get<Index>();
    const std::size_t b = one["element"].get<std::size_t>();
    one.erase("layer");
    one.erase("element");
    const auto found = std::find_if(stack.layers.begin(), stack.layers.end(),
                                    [&](const LayerAnalysis& l) { return l.layer == layer; });
    REQUIRE(found != stack.layers.end());
    REQUIRE(b < found->elements.size());
    check_same(fmt::format("{}.{} element {}", stack.name, layer, b), one, element_json(found->elements[b]),
               tolerance);
  }
}

/// The dump without the weights of those layers that have queries and keys too, and how many these are.
std::pair<Dump, int> without_weights(const fs::path& path) {
  TensorFile file = read_tensors(path);
  const int before = static_cast<int>(file.tensors.size());
  std::erase_if(file.tensors, [all = file.tensors](const auto& named) {
    const auto parsed = detail::parse_field_name(named.first);
    if (!parsed || parsed->field != "attention") return false;
    const std::string layer = fmt::format("{}.{}.", parsed->stack, parsed->layer);
    return all.contains(layer + "query") && all.contains(layer + "key");
  });
  const int removed = before - static_cast<int>(file.tensors.size());
  return {make_dump(path.filename().string(), file.tensors, file.metadata), removed};
}

}  // namespace

TEST_CASE("every number of the report equals the independent reference") {
  int cases = 0;
  for (const auto& file : fs::directory_iterator(ATTNSCOPE_TEST_DIR "/report/reference")) {
    const Case one(file.path().stem().string());
    INFO(one.stem);
    const Json expected = Json::parse(std::ifstream(file.path()));
    const Analysis analysis = test::analyze(read_dump(one.dump()), one.options);
    check_same(file.path().filename().string(), expected, Json::parse(report_json(analysis)),
               one.tolerance());
    REQUIRE(analysis.stacks.size() == expected["stacks"].size());
    for (const StackAnalysis& stack : analysis.stacks)
      check_elements(expected["stacks"][stack.name].value("per_example", Json::array()), stack,
                     one.tolerance());
    ++cases;
  }
  CHECK(cases >= 37);
}

TEST_CASE("queries and keys alone give the report of the stored weights") {
  int layers = 0, dumps = 0;
  for (const char* folder : {ATTNSCOPE_TEST_DIR "/data", ATTNSCOPE_EXAMPLE_DATA})
    for (const auto& file : fs::directory_iterator(folder)) {
      if (file.path().extension() != ".safetensors" || file.path().stem() == "review_models") continue;
      const auto [computed, removed] = without_weights(file.path());
      if (removed == 0) continue;
      const auto report = [](const Dump& dump) { return Json::parse(report_json(test::analyze(dump))); };
      check_same(computed.name, report(read_dump(file.path())), report(computed), 1e-5);
      layers += removed;
      ++dumps;
    }
  CHECK(dumps == 6);
  CHECK(layers == 16);
}
