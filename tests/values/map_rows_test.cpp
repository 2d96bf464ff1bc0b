#include <attnscope/values/map_rows.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using detail::MapPart;

namespace {
/// Rows whose numbers are those of their query and column.
MapPart::Rows numbered(Index first, Index rows, Index columns) {
  return MapPart::Rows::NullaryExpr(
      rows, columns, [&](Index r, Index c) { return static_cast<double>(10 * (first + r) + c + 1); });
}
}  // namespace

TEST_CASE("rows come in order, in parts, with gaps and with fewer columns") {
  MapPart early(6, 3), late(6, 3);
  early.append(1, numbered(1, 2, 2));
  late.append(4, numbered(4, 1, 3));
  early.merge(MapPart(6, 3));
  early.merge(std::move(late));
  Eigen::MatrixXd expected = Eigen::MatrixXd::Zero(6, 3);
  expected.block(1, 0, 2, 2) = numbered(1, 2, 2);
  expected.row(4) = numbered(4, 1, 3);
  CHECK(early.matrix() == expected);

  MapPart nothing(6, 3);
  nothing.append(3, numbered(3, 0, 3));
  nothing.merge(std::move(early));
  CHECK(nothing.matrix() == expected);
  CHECK(MapPart(2, 0).matrix().rows() == 2);
}

TEST_CASE("every head has a map of its own") {
  const Layout layout({1, 2, 3, 2});
  detail::HeadMapParts early(layout, 0), late(layout, 0);
  early.append(0, 0, numbered(0, 2, 2));
  late.append(0, 2, numbered(2, 1, 2));
  late.append(1, 1, numbered(1, 2, 2));
  early.merge(std::move(late));
  const std::vector<Eigen::MatrixXd> maps = early.matrices();
  REQUIRE(maps.size() == 2);
  CHECK(maps[0] == numbered(0, 3, 2));
  CHECK(maps[1].row(0).isZero(0));
  CHECK(maps[1].bottomRows(2) == numbered(1, 2, 2));
}
