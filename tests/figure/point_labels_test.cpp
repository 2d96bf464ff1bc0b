#include <attnscope/figure/point_labels.hpp>

#include <random>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

Box box_of(const PointLabel& label, double size) {
  return {label.at.x, label.at.y - .55 * size, text_width(label.words, size) + 1, 1.1 * size};
}

}  // namespace

TEST_CASE("point labels: no label touches another, a point, or the edge") {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> place(0, 300);
  const Box within{0, 0, 300, 300};
  for (const std::size_t count : {1u, 2u, 30u, 300u}) {
    std::vector<Point> points;
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < count; ++i) {
      points.push_back({place(random), place(random)});
      labels.push_back(std::string(i % 12, 'W'));
    }
    const std::vector<PointLabel> placed = place_labels(points, labels, within, 10, 4);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      const Box box = box_of(placed[i], 10);
      CHECK(box.left >= within.left);
      CHECK(box.right() <= within.right());
      CHECK(box.top >= within.top);
      CHECK(box.bottom() <= within.bottom());
      CHECK(placed[i].words == labels[placed[i].point]);
      CHECK(placed[i].words != "");
      for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(detail::overlap(box, box_of(placed[j], 10)));
      for (const Point& point : points)
        CHECK_FALSE(detail::overlap(box, {point.x - 3.9, point.y - 3.9, 7.8, 7.8}));
      // Beside its point, not anywhere.
      const Point& own = points[placed[i].point];
      CHECK(detail::overlap(box, {own.x - 7, own.y - 7, 14, 14}));
    }
    if (count == 1) CHECK(placed.empty());  // the first label is empty
    if (count == 2) CHECK(placed.size() == 1);
  }
}

TEST_CASE("point labels: to the right where there is room, and the first choose first") {
  const std::vector<std::string> two{"first", "second"};
  const auto placed = place_labels({{100, 100}, {100, 100}}, two, {0, 0, 300, 300});
  REQUIRE(placed.size() == 2);
  CHECK(placed[0].at.x == 106);
  CHECK(placed[0].at.y == 100);
  CHECK(placed[1].at.x < 100);
  CHECK(place_labels({{100, 100}}, {"no room for this at all"}, {80, 80, 40, 40}).empty());
  // A thousand points in one place have at most their eight places.
  CHECK(place_labels(std::vector<Point>(1000, {150, 150}), std::vector<std::string>(1000, "x"),
                     {0, 0, 300, 300})
            .size() <= 8);
}
