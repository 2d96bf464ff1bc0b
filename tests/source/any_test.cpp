#include <attnscope/heads/entropy.hpp>
#include <attnscope/source/any.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("any source behind one type gives the same bits") {
  const auto a = test::random_attention<float>(Layout({2, 3, 300, 300}));
  const std::vector<AnyAttention<float>> sources{AnyAttention<float>(AttentionView<float>(a)),
                                                 AnyAttention<float>(mean_heads(a))};
  CHECK(entropy(sources[0]).entropies == entropy(a).entropies);
  CHECK(entropy(sources[1]).entropies == entropy(mean_heads(a)).entropies);
  CHECK(entropy(mean_heads(sources[0])).entropies == entropy(mean_heads(a)).entropies);
}

TEST_CASE("behind one type, a source still reads single heads and knows its sums, if it does") {
  const auto a = test::random_attention<float>(Layout({1, 3, 8, 8}));
  const AttentionTensor<Eigen::half> halves = a.cast<Eigen::half>();
  const AnyAttention<float> sources[]{AnyAttention<float>(AttentionView<float>(a)),
                                      AnyAttention<float>(AttentionView<Eigen::half>(halves)),
                                      AnyAttention<float>(mean_heads(a))};
  auto floats = sources[0].reader(), narrow = sources[1].reader(), mean = sources[2].reader();
  CHECK((floats.reads_heads() && narrow.reads_heads() && !mean.reads_heads()));
  CHECK((!floats.summarises() && narrow.summarises() && !mean.summarises()));
  CHECK(floats.read(0, {1, 3}, Range{2, 3}).head(2).row(0).data() == &a(0, 2, 1, 0));
  CHECK(narrow.summarise(0, 1, {2, 3}, {}).weight(0, 5) ==
        static_cast<double>(static_cast<float>(halves(0, 1, 2, 5))));
  CHECK(message_of<Error>([&] {
          mean.read(0, {0, 1}, Range{0, 1});
        }) == "this source does not read single heads");
  CHECK(message_of<Error>([&] { floats.summarise(0, 0, {0, 1}, {}); }) == "this source does not summarise");
}

TEST_CASE("what is lent stays lent") {
  const auto a = test::random_attention<float>(Layout({1, 1, 4, 4}));
  const AnyAttention<float> source{AttentionView<float>(a)};
  auto reader = source.reader();
  CHECK(reader.read(0, {1, 3}).head(0).row(0).data() == &a(0, 0, 1, 0));
}

TEST_CASE("the owner lives as long as a copy of the source") {
  auto weights = std::make_shared<AttentionTensor<double>>(1, 1, 2, 2);
  weights->setConstant(.5);
  const std::weak_ptr<void> alive = weights;
  {
    AnyAttention<double> copy = [&] {
      AnyAttention<double> source(AttentionView<double>(*weights), weights);
      return source;
    }();
    weights.reset();
    CHECK(entropy(copy).entropies(0) == Approx(std::log(2)));
    CHECK_FALSE(alive.expired());
  }
  CHECK(alive.expired());
}
