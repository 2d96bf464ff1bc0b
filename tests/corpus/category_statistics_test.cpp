#include <attnscope/corpus/category_statistics.hpp>

#include "corpus/made_corpus.hpp"
#include "corpus/reference_lines.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("shares of roles are those of numpy, in every bucket and in all") {
  const CorpusStatistics all = test::made_part(0, test::made_examples);
  std::map<std::string, CategoryStatistics> found{{"0", all.total().categories.at(test::role)}};
  for (const auto& [length, bucket] : all.buckets())
    found.emplace(fmt::format("{}", length), bucket.categories.at(test::role));
  for (const auto& [bucket, one] : found)
    for (const std::string role : {"near", "first token"}) {
      INFO("bucket " << bucket << ", " << role);
      const auto layers = test::reference_lines({"layer", bucket, role});
      CHECK(layers.size() == 2);
      for (const auto& line : layers) {
        const Index l = std::stol(line[0]);
        CHECK(one.layer_share(role)(l) == Approx(std::stod(line[1])).epsilon(1e-12));
        CHECK(one.interval_of_layer_share(role, l).lower == Approx(std::stod(line[2])).epsilon(1e-12));
        CHECK(one.interval_of_layer_share(role, l).upper == Approx(std::stod(line[3])).epsilon(1e-12));
      }
      for (const auto& line : test::reference_lines({"head", bucket, role})) {
        const Index l = std::stol(line[0]), h = std::stol(line[1]);
        CHECK(one.counts(role)(l, h) == std::stod(line[2]));
        CHECK(one.counts()(l, h) == std::stod(line[3]));
      }
    }
}

TEST_CASE("what a head does most often") {
  CategoryStatistics roles(1, 3, 2);
  const Eigen::VectorXd once = Eigen::VectorXd::Ones(2);
  roles.add({"b", "b", ""}, once);
  roles.add({"a", "b", ""}, once);
  CHECK(roles.most_frequent(0, 0) == "a");  // of equals, by name
  CHECK(roles.most_frequent(0, 1) == "b");
  CHECK(roles.most_frequent(0, 2).empty());
  CHECK(roles.layer_share("a")(0) == .25);
  CHECK(roles.layer_share("never")(0) == 0);
  CHECK(roles.interval_of_layer_share("never", 0).upper == 0);
  CHECK(std::isnan(CategoryStatistics(1, 3, 2).layer_share("a")(0)));
  CHECK(std::isnan(CategoryStatistics(1, 3, 2).interval_of_layer_share("a", 0).upper));
  CHECK(roles.unlike(1, 3).empty());
  CHECK(roles.unlike(2, 3) == "[2 x 3] here and [1 x 3] before");
}
