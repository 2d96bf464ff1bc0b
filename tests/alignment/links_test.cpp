#include <attnscope/alignment/links.hpp>

#include "alignment/links.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::text_of;

// Every method on real maps, growing by the published pseudocode among them: cipher_batch_test.cpp.
namespace {
using enum LinkMethod;
using Tokens = std::vector<Index>;
const Eigen::MatrixXd similarity{{.9, .2, .1}, {.85, .3, .2}, {.1, .4, .8}, {.2, .1, .75}};

std::string links(const Eigen::MatrixXd& weights, const LinkOptions& options) {
  return text_of(extract_links(weights, options).links);
}
std::string links(const Eigen::MatrixXd& weights, LinkMethod method) {
  return links(weights, LinkOptions{.method = method});
}

/// Links of the transposed map, turned back.
std::string turned_links(const Eigen::MatrixXd& weights, LinkMethod method) {
  std::vector<Link> all = extract_links(weights.transpose(), {.method = method}).links;
  for (Link& link : all) std::swap(link.target, link.source);
  return text_of(distinct_links(all));
}
}  // namespace

TEST_CASE("both directions, what both say and what either says") {
  CHECK(links(similarity, target_argmax) == "0-0 1-0 2-2 3-2");
  CHECK(links(similarity, source_argmax) == "0-0 2-1 2-2");
  CHECK(links(similarity, intersection) == "0-0 2-2");
  CHECK(links(similarity, union_of_both) == "0-0 1-0 2-1 2-2 3-2");
}

TEST_CASE("itermax of the published settings, its first round alone, and with another discount") {
  CHECK(links(similarity, itermax) == "0-0 1-0 2-1 2-2 3-2");
  CHECK(links(similarity, {.method = itermax, .iterations = 1}) == "0-0 2-2");
  // Pairs of which one token has a link already lose against free ones: 1-1, not 1-0 and 2-1.
  CHECK(links(similarity, {.method = itermax, .discount = .1}) == "0-0 1-1 2-2");
  // While one side has no free token there is nothing left to link: source 2 stays free.
  CHECK(links(Eigen::Matrix<double, 2, 3>{{.6, .3, .1}, {.1, .7, .2}}, itermax) == "0-0 1-1");
}

TEST_CASE("growing: neighbours of linked pairs first, then what is left") {
  // Targets choose 0-0 1-1 2-3 3-3, sources choose 0-0 1-1 1-2 3-3; both say 0-0 1-1 3-3.
  const Eigen::MatrixXd map{{.7, .1, .1, .1}, {.1, .5, .4, 0}, {.1, .2, .3, .4}, {0, 0, .1, .9}};
  CHECK(links(map, intersection) == "0-0 1-1 3-3");
  CHECK(links(map, grow_diag) == "0-0 1-1 1-2 2-3 3-3");  // both are neighbours, of which one token is free

  // Targets choose 0-0 1-3 2-0, sources choose 0-0 0-1 0-2 1-3: 0-1 grows from 0-0 and 0-2 from it (or from
  // 1-3, its diagonal neighbour); 2-0 is no neighbour of a link, and its source has one: final takes it,
  // final-and does not.
  const Eigen::MatrixXd apart{{.5, .3, .15, .05}, {.1, .1, .1, .7}, {.4, .2, .05, .35}};
  CHECK(links(apart, intersection) == "0-0 1-3");
  CHECK(links(apart, grow_diag) == "0-0 0-1 0-2 1-3");
  CHECK(links(apart, grow_diag_final) == "0-0 0-1 0-2 1-3 2-0");
  CHECK(links(apart, grow_diag_final_and) == "0-0 0-1 0-2 1-3");
}

TEST_CASE("growing reaches all eight neighbours, and no further") {
  for (Index t = 0; t < 5; ++t)
    for (Index s = 0; s < 5; ++s) {
      if (t == 2 && s == 2) continue;
      Eigen::MatrixXd map = Eigen::MatrixXd::Zero(9, 9);
      map(2, 2) = 1;
      map(8, 8) = .9;
      map(t, s) = .5;              // what one direction says
      if (t != 2) map(8, s) = .6;  // ... and the other does not
      const bool near = std::abs(t - 2) <= 1 && std::abs(s - 2) <= 1;
      std::vector<Link> expected{{2, 2}, {8, 8}};
      if (near) expected.push_back({t, s});
      INFO("neighbour " << t << ", " << s);
      CHECK(links(map, intersection) == "2-2 8-8");
      CHECK(links(map, grow_diag) == text_of(distinct_links(expected)));
    }
}

TEST_CASE("final-and links two free tokens far from any other link") {
  // Target 2 chooses source 4, source 4 chooses target 0: one direction alone says 2-4, and both tokens are
  // free.
  const Eigen::MatrixXd map{{.5, 0, 0, 0, .45, .05}, {.6, .3, 0, 0, .1, 0}, {.1, 0, 0, .1, .4, .4}};
  CHECK(links(map, target_argmax) == "0-0 1-0 2-4");
  CHECK(links(map, source_argmax) == "0-4 1-0 1-1 2-3 2-5");
  CHECK(links(map, intersection) == "1-0");
  CHECK(links(map, grow_diag) == "0-0 1-0 1-1");
  // The links of targets come first: 2-4 takes source 4 away from 0-4.
  CHECK(links(map, grow_diag_final) == "0-0 1-0 1-1 2-3 2-4 2-5");
  CHECK(links(map, grow_diag_final_and) == "0-0 1-0 1-1 2-4");
}

TEST_CASE("mutual threshold: the share of the row and of the column") {
  const Eigen::MatrixXd map{{.6, .4}, {.1, .9}};
  // Shares of rows .6 .4 .1 .9, of columns 6/7 4/13 1/7 9/13.
  CHECK(links(map, {.method = mutual_threshold, .threshold = .3}) == "0-0 0-1 1-1");
  CHECK(links(map, {.method = mutual_threshold, .threshold = .35}) == "0-0 1-1");
  CHECK(links(map, {.method = mutual_threshold, .threshold = .6}) == "1-1");  // .6 does not exceed .6
  CHECK(links(map, {.method = mutual_threshold, .threshold = 1}).empty());
  CHECK(links(Eigen::MatrixXd::Zero(2, 2), {.method = mutual_threshold, .threshold = 0}).empty());
}

TEST_CASE("assignment is one to one and the best of all permutations") {
  const Eigen::MatrixXd greedy_fails{{.9, .8}, {.85, .1}};
  CHECK(links(greedy_fails, assignment) == "0-1 1-0");
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Eigen::MatrixXd map = test::random_map(4, 5, seed);
    Tokens sources{0, 1, 2, 3, 4};
    double best = 0;
    do {
      double sum = 0;
      for (Index t = 0; t < 4; ++t) sum += map(t, sources[static_cast<std::size_t>(t)]);
      best = std::max(best, sum);
    } while (std::next_permutation(sources.begin(), sources.end()));
    double found = 0;
    const AlignmentLinks result = extract_links(map, {.method = assignment});
    for (const Link& link : result.links) found += map(link.target, link.source);
    CHECK(found == Approx(best));
    CHECK(result.links.size() == 4);
    CHECK(result.unaligned_sources.size() == 1);
  }
}

TEST_CASE("transposing swaps the directions, and nothing else where both count alike") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Eigen::MatrixXd map = test::random_map(7, 5, seed);
    CHECK(turned_links(map, target_argmax) == links(map, source_argmax));
    for (const LinkMethod method : {intersection, union_of_both, itermax, mutual_threshold, assignment})
      CHECK(turned_links(map, method) == links(map, method));
  }
}

TEST_CASE("tokens that are left out, or without weight, change no other link") {
  const std::vector<LinkMethod> methods{target_argmax,    source_argmax,   intersection,        union_of_both,
                                        grow_diag,        grow_diag_final, grow_diag_final_and, itermax,
                                        mutual_threshold, assignment};
  for (unsigned seed = 0; seed < 10; ++seed)
    for (const LinkMethod method : methods) {
      const Eigen::MatrixXd map = test::random_map(7, 5, seed);
      Eigen::MatrixXd padded = Eigen::MatrixXd::Zero(9, 8);
      padded.topLeftCorner(7, 5) = map;
      CHECK(links(padded, method) == links(map, method));
      padded.setConstant(1);
      padded.topLeftCorner(7, 5) = map;
      const AlignmentLinks plain = extract_links(map, {.method = method}),
                           left_out = extract_links(padded, {.method = method},
                                                    {.targets = {7, 8}, .sources = {7, 5, 6}});
      CHECK(text_of(left_out.links) == text_of(plain.links));
      CHECK(left_out.unaligned_targets == plain.unaligned_targets);
      CHECK(left_out.unaligned_sources == plain.unaligned_sources);
      for (std::size_t i = 0; i < plain.links.size(); ++i)
        CHECK(left_out.links[i].confidence == Approx(plain.links[i].confidence).epsilon(1e-14));
    }
}

TEST_CASE("equal weights go to the lower index") {
  const Eigen::MatrixXd uniform = Eigen::MatrixXd::Constant(2, 3, 1. / 3);
  CHECK(links(uniform, target_argmax) == "0-0 1-0");
  CHECK(links(uniform, source_argmax) == "0-0 0-1 0-2");
}

TEST_CASE("confidence is the geometric mean of the shares of row and column") {
  const AlignmentLinks found = extract_links(Eigen::Matrix2d{{.6, .4}, {.1, .9}});
  CHECK(found.links[0].confidence == Approx(std::sqrt(.6 * .6 / .7)));
  CHECK(found.links[1].confidence == Approx(std::sqrt(.9 * .9 / 1.3)));
  const AlignmentLinks sure = extract_links(Eigen::Matrix2d{{0, .9}, {.3, 0}}, {.method = intersection});
  CHECK(text_of(sure.links) == "0-1 1-0");
  CHECK(sure.links[0].confidence == 1);
  CHECK(sure.links[1].confidence == 1);
  for (const double scale : {1e-300, 1e-170, 1e170, 1e300}) {
    const AlignmentLinks scaled = extract_links(Eigen::Matrix2d{{.6, .4}, {.1, .9}} * scale);
    for (std::size_t i = 0; i < 2; ++i)
      CHECK(scaled.links[i].confidence == Approx(found.links[i].confidence).epsilon(1e-14));
  }
}

TEST_CASE("tokens without a link are named") {
  const AlignmentLinks found = extract_links(similarity, {.method = intersection});
  CHECK(found.unaligned_targets == Tokens{1, 3});
  CHECK(found.unaligned_sources == Tokens{1});
  CHECK(extract_links(similarity, {.method = intersection}, {.targets = {3}}).unaligned_targets == Tokens{1});
  CHECK(extract_links(Eigen::MatrixXd(0, 3)).unaligned_sources == Tokens{0, 1, 2});
  CHECK(extract_links(Eigen::MatrixXd(2, 0), {.method = grow_diag_final_and}).unaligned_targets ==
        Tokens{0, 1});
  for (const LinkMethod method : {target_argmax, itermax, mutual_threshold, assignment})
    CHECK(extract_links(Eigen::MatrixXd::Zero(2, 2), {.method = method}).unaligned_targets == Tokens{0, 1});
}

TEST_CASE("links refuse weights and options that are none") {
  Eigen::MatrixXd map = similarity;
  map(2, 1) = std::nan("");
  CHECK(message_of<ValueError>([&] { extract_links(map); }) == "target 2, source 1: the weight is nan");
  map(2, 1) = -.5;
  CHECK(message_of<ValueError>([&] { extract_links(map); }) == "target 2, source 1: the weight is -0.5");
  CHECK(message_of<ShapeError>([&] { extract_links(similarity, {}, {.targets = {4}}); }) ==
        "target 4 is left out of 4");
  CHECK(message_of<ShapeError>([&] { extract_links(similarity, {}, {.sources = {-1}}); }) ==
        "source -1 is left out of 3");
  CHECK(message_of<ValueError>([&] { extract_links(similarity, {.iterations = 0}); }) ==
        "iterations = 0 is not at least 1");
  CHECK(message_of<ValueError>([&] { extract_links(similarity, {.discount = 2}); }) ==
        "discount = 2 is not in 0..1");
  CHECK(message_of<ValueError>([&] { extract_links(similarity, {.threshold = -1}); }) ==
        "threshold = -1 is not in 0..1");
}
