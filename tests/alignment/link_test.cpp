#include <attnscope/alignment/link.hpp>

#include "alignment/links.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("links are in order of targets, then sources, each once with its largest confidence") {
  const std::vector<Link> links =
      distinct_links({{2, 0, .5}, {0, 3, .2}, {0, 1, .1}, {0, 3, .7}, {2, 0, .4}});
  CHECK(test::text_of(links) == "0-1 0-3 2-0");
  CHECK(links[1].confidence == .7);
  CHECK(links[2].confidence == .5);
  CHECK(distinct_links({}).empty());
  CHECK(comes_before({0, 3}, {1, 0}));
  CHECK_FALSE(comes_before({1, 1}, {1, 1}));
  CHECK(same_tokens({1, 2, .3}, {1, 2, .4}));
  CHECK_FALSE(same_tokens({1, 2}, {2, 1}));
}
