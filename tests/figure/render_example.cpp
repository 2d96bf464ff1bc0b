// render_example MATRIX SVG [palette=P] [high=N] [scale=S] [theme=dark] [pool=N] [cell_size=N] [view=V]
// [heads=N]: draws a raw file (int64 rows, int64 columns, then the cells row by row as float64) for
// raster_check.py: as a heatmap, or as what the view says: a model view of one head, a grid or the mean of
// heads (each an equal part of the rows), one number a head, or each row as patches in two rows.
#include <attnscope/figure/cross_attention.hpp>
#include <attnscope/figure/head_grid.hpp>
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/figure/metric_map.hpp>
#include <attnscope/figure/model_view.hpp>
#include <attnscope/source/patch_grid.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

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
                                                       {"cividis", Palette::cividis},
                                                       {"blue_white_orange", Palette::blue_white_orange},
                                                       {"blue_black_orange", Palette::blue_black_orange}};
  static const std::map<std::string, Scale> scales{
      {"linear", Scale::linear}, {"square_root", Scale::square_root}, {"logarithmic", Scale::logarithmic}};
  attnscope::MapOptions options;
  if (given.contains("palette")) options.palette = palettes.at(given["palette"]);
  if (given.contains("scale")) options.scale = scales.at(given["scale"]);
  if (given.contains("high")) options.high = std::stod(given["high"]);
  if (given.contains("pool")) options.pool = std::stol(given["pool"]);
  if (given.contains("cell_size")) options.cell_size = std::stod(given["cell_size"]);
  if (given["theme"] == "dark") options.theme = attnscope::Theme::dark;
  return options;
}

// Equal parts of the rows, one below the other.
std::vector<Eigen::MatrixXd> parts(const Eigen::MatrixXd& matrix, Eigen::Index count) {
  std::vector<Eigen::MatrixXd> all;
  const Eigen::Index rows = matrix.rows() / count;
  for (Eigen::Index i = 0; i < count; ++i) all.push_back(matrix.middleRows(i * rows, rows));
  return all;
}

std::string drawn(const Eigen::MatrixXd& matrix, std::map<std::string, std::string>& given) {
  const attnscope::MapOptions options = read_options(given);
  const std::string view = given["view"];
  const Eigen::Index heads = given.contains("heads") ? std::stol(given["heads"]) : 1;
  if (view == "model") return attnscope::model_view({{matrix}}, options);
  if (view == "grid") return attnscope::head_grid(parts(matrix, heads), options);
  if (view == "cross") return attnscope::cross_attention(parts(matrix, heads), options);
  if (view == "metric") return attnscope::metric_map(matrix, {.map = options});
  if (view == "patches") {
    const Eigen::RowVectorXd row = matrix.row(0);
    return attnscope::heatmap(attnscope::patch_grid(row, {.rows = 2, .columns = row.size() / 2, .first = 0}),
                              options);
  }
  return attnscope::heatmap(matrix, options);
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
    attnscope::write_svg(arguments[2], drawn(read_matrix(arguments[1]), given));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
