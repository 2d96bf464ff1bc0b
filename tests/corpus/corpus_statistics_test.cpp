#include "corpus/made_corpus.hpp"
#include "corpus/reference_lines.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::bytes_of, test::made_example, test::made_part;

namespace {
CorpusStatistics merged(CorpusStatistics early, CorpusStatistics late) {
  early.merge(std::move(late));
  return early;
}
/// The parts whose sums are exact: they must not hang on how the corpus is cut.
std::string exact_bytes(const CorpusStatistics& state) {
  std::string all;
  for (const auto& [length, bucket] : state.buckets())
    for (const auto& [name, one] : bucket.numbers)
      NumberStatistics::each_part(one, [&](const std::string& part, const auto& numbers, const PartShape&) {
        if (part == "mean" || part == "squared_deviations" || part == "replicate_sums") return;
        for (Index i = 0; i < numbers.size(); ++i) all += fmt::format("{} ", numbers.data()[i]);
      });
  for (const auto& [place, name] : state.names()) all += fmt::format("{} {}\n", place, name);
  return all;
}
}  // namespace

TEST_CASE("examples are kept by length bucket") {
  const CorpusStatistics all = made_part(0, test::made_examples);
  for (const auto& [length, bucket] : all.buckets()) {
    const auto line = test::reference_lines({"bucket", fmt::format("{}", length)}).at(0);
    CHECK(bucket.examples == std::stol(line[0]));
    CHECK(bucket.tokens == std::stol(line[1]));
  }
  CHECK(all.buckets().size() == 4);
  CHECK(all.total().examples == test::made_examples);
}

TEST_CASE("the empty state is neutral, and merging is associative") {
  const CorpusStatistics a = made_part(0, 13), b = made_part(13, 40), c = made_part(40, 60);
  CHECK(bytes_of(merged(a, CorpusStatistics())) == bytes_of(a));
  CHECK(bytes_of(merged(CorpusStatistics(), a)) == bytes_of(a));
  const CorpusStatistics left = merged(merged(a, b), c), right = merged(a, merged(b, c)),
                         whole = made_part(0, 60);
  CHECK(exact_bytes(left) == exact_bytes(whole));
  CHECK(exact_bytes(right) == exact_bytes(whole));
  for (const auto& [name, one] : whole.total().numbers)
    for (const CorpusStatistics* other : {&left, &right}) {
      const auto total = other->total();
      const NumberStatistics& same = total.numbers.at(name);
      CHECK(((same.mean() - one.mean()).abs() < 1e-12 * (1 + one.mean().abs())).all());
      CHECK(((same.standard_deviation() - one.standard_deviation()).abs() < 1e-11 * (1 + one.mean().abs()))
                .all());
      CHECK(same.interval_of_mean(1, 0).lower == Approx(one.interval_of_mean(1, 0).lower).epsilon(1e-12));
    }
}

TEST_CASE("extremes have names, and only they are kept") {
  const CorpusStatistics all = merged(made_part(0, 30), made_part(30, 60));
  const auto total = all.total();
  const NumberStatistics& sizes = total.numbers.at(test::size);
  for (Index l = 0; l < 2; ++l) {
    const std::uint64_t place = sizes.largest_at(l, 1);
    const Index e = static_cast<Index>(place >> 24);
    CHECK(all.name_of(place) == fmt::format("example {}", e));
    CHECK(made_example(e).numbers[1].values(l, 1) == sizes.largest()(l, 1));
  }
  CHECK(all.names().size() < 60);
  CHECK(message_of<ValueError>([&] { all.name_of(12345); }) == "no example at place 12345 is an extreme");
}

TEST_CASE("examples that are left out are listed in order") {
  CorpusStatistics a(test::made_options), b(test::made_options);
  a.leave_out({{3, 0}, "three", "no reason"});
  b.leave_out({{5, 0}, "five", "it is odd"});
  CHECK_FALSE(a.empty());
  const CorpusStatistics both = merged(a, merged(made_part(4, 5), b));
  CHECK(both.left_out() ==
        std::vector<LeftOutExample>{{{3, 0}, "three", "no reason"}, {{5, 0}, "five", "it is odd"}});
  CHECK(both.total().examples == 1);
}

TEST_CASE("a number that only some examples have is counted where it is") {
  ExampleNumbers without = made_example(1);
  without.numbers.erase(without.numbers.begin());
  CorpusStatistics all(test::made_options);
  all.add(without);
  all.add(made_example(2));
  CHECK(all.total().examples == 2);
  CHECK(all.total().numbers.at(test::share).counts().maxCoeff() == 1);
  CHECK(all.total().numbers.at(test::size).counts().minCoeff() == 2);
}

TEST_CASE("what cannot be pooled throws, says where, and changes nothing") {
  CorpusStatistics all = made_part(0, 4);
  const std::string before = bytes_of(all);
  const auto refused = [&](auto change) {
    ExampleNumbers example = made_example(20);
    change(example);
    const std::string message = message_of<Error>([&] { all.add(example); });
    CHECK(bytes_of(all) == before);
    return message;
  };
  CHECK(refused([](ExampleNumbers& e) {
          e.numbers[1].values.resize(2, 4);
          e.numbers[1].values.setZero();
        }) == "example 20: self size: cannot pool unlike tables: [2 x 4] here and [2 x 3] before");
  CHECK(refused([](ExampleNumbers& e) { e.numbers[0].bins.count = 3; }) ==
        "example 20: self share: cannot pool unlike tables: 3 bins of 0 .. 1 here and 64 bins of 0 .. 1 "
        "before");
  CHECK(refused([](ExampleNumbers& e) { e.numbers[1].values(1, 2) = INFINITY; }) ==
        "example 20: self size: layer 1, head 2 is inf");
  CHECK(refused([](ExampleNumbers& e) { e.numbers.push_back(e.numbers[0]); }) ==
        "example 20: self share stands twice");
  CHECK(refused([](ExampleNumbers& e) { e.numbers[0].values.resize(0, 3); }) ==
        "example 20: self share: [0 x 3] is no table");
  CHECK(refused([](ExampleNumbers& e) { e.categories[0].categories.pop_back(); }) ==
        "example 20: self role: 5 categories for 3 heads a layer");
  CHECK(refused([](ExampleNumbers& e) { e.categories[0].heads = 2; }) ==
        "example 20: self role: cannot pool unlike tables: [3 x 2] here and [2 x 3] before");
  CHECK(refused([](ExampleNumbers& e) { e.place.item = -1; }) ==
        "example 20: there is no place -1, 0 in a list");

  CorpusStatistics other({.replicates = 80, .seed = 8});
  other.add(made_example(9));
  CHECK(message_of<ValueError>([&] { all.merge(std::move(other)); }) ==
        "cannot pool 80 replicates of seed 7 with 80 of seed 8");
  ExampleNumbers unlike = made_example(7);  // of another bucket than any before
  unlike.tokens = 4000;
  unlike.numbers[2].bins.count = 5;
  CorpusStatistics third(test::made_options);
  third.add(unlike);
  CHECK(message_of<ShapeError>([&] { all.merge(std::move(third)); }) ==
        "self of the layer: cannot pool unlike tables: 5 bins of -1 .. 1 here and 32 bins of -1 .. 1 before");
  CHECK(bytes_of(all) == before);
}

TEST_CASE("no replicates, no intervals") {
  CorpusStatistics all({.replicates = 0});
  for (Index e = 0; e < 9; ++e) all.add(made_example(e));
  const auto total = all.total();
  CHECK(std::isnan(total.numbers.at(test::size).interval_of_mean(0, 0).lower));
  CHECK(total.numbers.at(test::size).standard_error()(0, 0) > 0);
  CHECK(std::isnan(total.categories.at(test::role).interval_of_layer_share("near", 0).lower));
}
