#include <attnscope/figure/neuron_view.hpp>

#include <set>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

/// The lengths of the bars of the softmax.
std::vector<double> bars(const std::string& svg) {
  std::vector<double> lengths;
  for (const std::string& path : read_svg::elements(svg, "path")) {
    double x = 0, y = 0, length = 0;
    if (count(path, hex(category_colour(0))) == 0 || count(path, "<title>") == 0) continue;
    REQUIRE(std::sscanf(read_svg::between(path, " d=\"", "\"").c_str(), "M%lf %lfh%lf", &x, &y, &length) ==
            3);
    lengths.push_back(length);
  }
  return lengths;
}

/// The numbers beside the dot products.
std::multiset<std::string> dot_products(const std::string& svg) {
  const Box dots = read_svg::cells(svg).at(3).box;
  std::multiset<std::string> numbers;
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    if (std::abs(text.box.left - dots.right() - 5) < .01 && text.box.top > dots.top)
      numbers.insert(text.words);
  return numbers;
}
/// Where the bars of the softmax begin.
double bars_left(const std::string& svg) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, hex(category_colour(0))) == 1 && count(path, "<title>") == 1)
      return read_svg::number(read_svg::between(path, "d=\"M", " "));
  return 0;
}

}  // namespace

TEST_CASE("neuron view: query, keys, product and dot product are maps of their own numbers") {
  const Eigen::Vector2d query(1, -2);
  Eigen::MatrixXd keys(3, 2);
  keys << 2, 0, 1, 1, 0, -2;
  const std::string svg =
      neuron_view(query, keys, {.query_token = "it", .key_tokens = {"a", "b", "c"}, .scale = .5});
  const std::vector<read_svg::Cells> cells = read_svg::cells(svg);
  REQUIRE(cells.size() >= 4);
  const auto colours = [](double value, double high) {
    const ColourScale scale =
        colour_scale({-high, high, false}, {.palette = diverging_palette(Theme::light)});
    return hex(scale.colour(scale.level(value)));
  };
  using Row = std::vector<std::string>;
  CHECK(cells[0].colours == std::vector<Row>{{colours(1, 2), colours(-2, 2)}});
  CHECK(cells[1].colours == std::vector<Row>{{colours(2, 2), colours(0, 2)},
                                             {colours(1, 2), colours(1, 2)},
                                             {colours(0, 2), colours(-2, 2)}});
  CHECK(cells[2].colours == std::vector<Row>{{colours(2, 4), colours(0, 4)},
                                             {colours(1, 4), colours(-2, 4)},
                                             {colours(0, 4), colours(4, 4)}});
  CHECK(cells[3].colours == std::vector<Row>{{colours(1, 2)}, {colours(-.5, 2)}, {colours(2, 2)}});
  CHECK(cells[0].box.left == cells[1].box.left);  // a dimension is one column
  CHECK(cells[0].box.width == cells[1].box.width);
  for (const char* number : {"1", "-0.5", "2"}) CHECK(dot_products(svg).count(number) == 1);
  // Softmax of 1, -1/2, 2.
  const double sum = std::exp(1) + std::exp(-.5) + std::exp(2);
  CHECK(count(svg, fmt::format(">{:.3f}</text>", std::exp(2) / sum)) == 1);
  const std::vector<double> lengths = bars(svg);
  REQUIRE(lengths.size() == 3);
  CHECK(std::abs(lengths[2] / lengths[0] - std::exp(1)) < .01);
  CHECK(lengths[2] == 90);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE(
    "neuron view: dot products are divided by sqrt(dim) unless told otherwise; weights of a model are taken "
    "as they are") {
  const Eigen::VectorXd query = Eigen::VectorXd::Ones(16);
  const Eigen::MatrixXd keys = Eigen::MatrixXd::Ones(2, 16);
  CHECK(dot_products(neuron_view(query, keys)).count("4") == 2);
  CHECK(count(neuron_view(query, keys), "dot products times 0.25") == 1);
  const std::string svg = neuron_view(query, keys, {.weights = Eigen::Vector2d(.2, .1)});
  CHECK(count(svg, ">0.200</text>") == 1);
  CHECK(count(svg, ">weight</text>") == 1);
  CHECK(count(svg, ">softmax</text>") == 0);
  // Huge products do not overflow the softmax.
  CHECK(count(neuron_view(1e3 * query, 1e3 * keys), ">0.500</text>") == 2);
}

TEST_CASE("neuron view: numbers and words end before what is beside them, however large they are") {
  for (const double size : {1e-7, 1., -123.4, 1.234e5, -1.234e150}) {
    const std::string svg = neuron_view(Eigen::Vector2d(size, 0), Eigen::MatrixXd::Ones(2, 2), {.scale = 1});
    REQUIRE(dot_products(svg).count(fmt::format("{:.3g}", size)) == 2);
    for (const read_svg::Text& text : read_svg::texts(svg, text_width))
      if (text.words == fmt::format("{:.3g}", size) && text.box.left > read_svg::cells(svg)[3].box.right() &&
          text.box.left < bars_left(svg))
        CHECK(text.box.right() + 5 < bars_left(svg));
  }
  // The query's word is bold, which is about 15 % wider.
  const std::string svg =
      neuron_view(Eigen::Vector2d(1, 0), Eigen::MatrixXd::Ones(2, 2), {.query_token = "WWWWWWWWWWWWWWWW"});
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    if (text.words == "WWWWWWWWWWWWWWWW") CHECK(text.box.right() - 1.15 * text.box.width >= Sheet::margin);
}

TEST_CASE("neuron view: whatever the tokens, the sizes and the theme") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const Eigen::Index keys : {1, 15, 500})
      for (const Eigen::Index dim : {1, 64, 300}) {
        const Eigen::VectorXd query = Eigen::VectorXd::LinSpaced(dim, -1, 1);
        const Eigen::MatrixXd vectors = Eigen::MatrixXd::Constant(keys, dim, -1000);
        for (const std::string& word : {read_svg::hostile_tokens()[0], std::string(10000, 'W')}) {
          const NeuronViewOptions options{
              .title = word,
              .query_token = word,
              .key_tokens = read_svg::hostile_tokens(static_cast<std::size_t>(keys)),
              .theme = theme};
          const std::string svg = neuron_view(query, vectors, options);
          CHECK(read_svg::misplaced(svg) == "");
          CHECK(read_svg::malformed(svg) == "");
          CHECK(svg == neuron_view(query, vectors, options));
        }
      }
}

TEST_CASE("neuron view: what cannot be drawn is named") {
  const Eigen::Vector2d query(1, 2);
  Eigen::MatrixXd keys = Eigen::MatrixXd::Zero(3, 2);
  CHECK_THROWS_WITH(neuron_view(Eigen::VectorXd(), Eigen::MatrixXd(3, 0)),
                    "a neuron view of 0 dimensions and 3 keys");
  CHECK_THROWS_WITH(neuron_view(query, Eigen::MatrixXd(0, 2)), "a neuron view of 2 dimensions and 0 keys");
  CHECK_THROWS_WITH(neuron_view(query, Eigen::MatrixXd::Zero(3, 4)), "a query of 2 dimensions, keys of 4");
  CHECK_THROWS_WITH(neuron_view(query, keys, {.key_tokens = {"a"}}), "1 key tokens for 3");
  CHECK_THROWS_WITH(neuron_view(query, keys, {.scale = std::nan("")}), "scale = nan");
  CHECK_THROWS_WITH(neuron_view(query, keys, {.weights = Eigen::Vector2d(1, 0)}), "2 weights for 3 keys");
  CHECK_THROWS_WITH(neuron_view(query, keys, {.weights = Eigen::Vector3d(1, 0, -1)}),
                    "key 2: the weight is -1");
  CHECK_THROWS_WITH(neuron_view(Eigen::Vector2d(1e300, 1), Eigen::MatrixXd::Constant(3, 2, 1e300)),
                    "key 0, dimension 0: the product is inf");
  keys(2, 1) = std::nan("");
  CHECK_THROWS_WITH(neuron_view(query, keys), "key 2, dimension 1: nan");
  CHECK_THROWS_WITH(neuron_view(Eigen::Vector2d(std::nan(""), 1), keys), "query, dimension 0: nan");
}
