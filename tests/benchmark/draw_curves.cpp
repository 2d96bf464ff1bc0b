// The first table of costs that peers.sh prints, as a figure (SVG) of the cost of one weight against the
// tokens:
//
//     sh tests/benchmark/peers.sh build/release | tee peers.txt
//     build/release/tests/benchmark/draw_curves <peers.txt >docs/figures/performance/cost.svg
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/interval_curves.hpp>

#include <cmath>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace {

/// The words of the next line; none at the end.
std::vector<std::string> words_of_line(std::istream& from) {
  std::string line;
  std::getline(from, line);
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

/// Rows "tokens cost cost ..." below a head "tokens name name ...".
std::vector<attnscope::IntervalSeries> read_curves(std::istream& from) {
  std::vector<std::string> words;
  while (from && (words.empty() || words[0] != "tokens")) words = words_of_line(from);
  std::vector<attnscope::IntervalSeries> curves;
  for (std::size_t i = 1; i < words.size(); ++i) curves.push_back({words[i], {}});
  while ((words = words_of_line(from)).size() == curves.size() + 1 && !curves.empty())
    for (std::size_t i = 0; i < curves.size(); ++i) {
      const double cost = std::stod(words[i + 1]);
      curves[i].points.push_back({std::log2(std::stod(words[0])), cost, cost, cost});
    }
  return curves;
}

}  // namespace

int main() {
  try {
    std::cout << attnscope::interval_curves(read_curves(std::cin),
                                            {.x_title = "log2(tokens)",
                                             .y_title = "ns a weight",
                                             .x_numbers = attnscope::AxisNumbers::whole,
                                             .low = 0.});
  } catch (const std::exception& error) {
    std::cerr << "draw_curves: " << error.what() << '\n';
    return 1;
  }
}
