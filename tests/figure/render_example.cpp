// render_example MATRIX SVG PALETTE [HIGH]: draws the heatmap of a raw file (int64 rows, int64 columns, then
// the cells row by row as float64), for raster_check.py.
#include <attnscope/figure/heatmap.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

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

}  // namespace

int main(int count, char** arguments) {
  if (count != 4 && count != 5) return 2;
  try {
    const bool viridis = std::string_view(arguments[3]) == "viridis";
    attnscope::MapOptions options{.palette = viridis ? attnscope::Palette::viridis
                                                     : attnscope::Palette::white_to_blue};
    if (count == 5) options.high = std::stod(arguments[4]);
    attnscope::write_svg(arguments[2], attnscope::heatmap(read_matrix(arguments[1]), options));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
