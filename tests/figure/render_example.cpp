// render_example MATRIX SVG [palette=P] [high=N] [scale=S] [theme=dark] [pool=N] [view=model]: draws a raw
// file (int64 rows, int64 columns, then the cells row by row as float64) as a heatmap, or as a model view of
// one head, for raster_check.py.
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/figure/model_view.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>

namespace {

Eigen::MatrixXd read_matrix(const std::string& path) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::ifstream file(path, std::ios::binary);
  const auto read = [&](void* to, Eigen::Index bytes) { file.read(static_cast<char*>(to), bytes); };
  std::int64_t shape[2] = {0, 0};
  read(shape, sizeof shape);
  RowMajor matrix(shape[0], shape[1]);
  read(matrix.data(), matrix.size() * static_cast<Eigen::Index>(sizeof(double)));
  attnscope::require<attnscope::FileError>(file.good(), "{} is too short", path);
  return matrix;
}

attnscope::MapOptions read_options(std::map<std::string, std::string>& given) {
  using attnscope::Palette;
  using attnscope::Scale;
  static const std::map<std::string, Palette> palettes{{"white_to_blue", Palette::white_to_blue},
                                                       {"viridis", Palette::viridis},
                                                       {"blue_white_orange", Palette::blue_white_orange},
                                                       {"blue_black_orange", Palette::blue_black_orange}};
  static const std::map<std::string, Scale> scales{
      {"linear", Scale::linear}, {"square_root", Scale::square_root}, {"logarithmic", Scale::logarithmic}};
  attnscope::MapOptions options;
  if (given.contains("palette")) options.palette = palettes.at(given["palette"]);
  if (given.contains("scale")) options.scale = scales.at(given["scale"]);
  if (given.contains("high")) options.high = std::stod(given["high"]);
  if (given.contains("pool")) options.pool = std::stol(given["pool"]);
  if (given["theme"] == "dark") options.theme = attnscope::Theme::dark;
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  try {
    std::map<std::string, std::string> given;
    for (int i = 3; i < count; ++i) {
      const std::string argument = arguments[i];
      given[argument.substr(0, argument.find('='))] = argument.substr(argument.find('=') + 1);
    }
    const attnscope::MapOptions options = read_options(given);
    const Eigen::MatrixXd matrix = read_matrix(arguments[1]);
    attnscope::write_svg(arguments[2], given["view"] == "model" ? attnscope::model_view({{matrix}}, options)
                                                                : attnscope::heatmap(matrix, options));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
