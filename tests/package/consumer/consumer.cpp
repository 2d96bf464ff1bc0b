#include <attnscope/attnscope.hpp>
#include <attnscope/io/dump.hpp>

int main() {
  const Eigen::Matrix2d attention{{1, 0}, {.5, .5}};
  return attnscope::entropy(attention).queries == 2 ? 0 : 1;
}
