#include <attnscope/figure/names.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("names: labels are one each or none") {
  const std::vector<std::string> labels{"a", "b"};
  CHECK_NOTHROW(detail::check_labels(labels, 2, "row labels"));
  CHECK_NOTHROW(detail::check_labels(std::vector<std::string>(), 3, "row labels"));
  CHECK(message_of<ShapeError>([&] { detail::check_labels(labels, 4, "column labels"); }) ==
        "2 column labels for 4");
}

TEST_CASE("names: heads and layers are numbered unless they are named") {
  CHECK(detail::names_of({}, 3, "head names") == std::vector<std::string>{"0", "1", "2"});
  CHECK(detail::names_of({"a", "b"}, 2, "head names") == std::vector<std::string>{"a", "b"});
  CHECK(message_of<ShapeError>([] { detail::names_of({"a"}, 2, "head names"); }) == "1 head names for 2");
}
