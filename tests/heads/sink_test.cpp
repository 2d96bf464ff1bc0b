#include <attnscope/heads/sink.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
AttentionTensor<float> two_heads() {  // head 0 is a sink, head 1 is not
  AttentionTensor<float> a(1, 2, 2, 2);
  a.setValues({{{{1.f, 0.f}, {.8f, .2f}}, {{.1f, .9f}, {.3f, .7f}}}});
  return a;
}
}  // namespace

TEST_CASE("sink mass is the mean weight on the first key, the rate the share of heads above the threshold") {
  const SinkResult result = sink(two_heads());
  CHECK(result.sink_mass(0) == Approx(.9));
  CHECK(result.sink_mass(1) == Approx(.2));
  CHECK(result.sink_rate == Approx(.5));
  CHECK(sink(two_heads(), {.threshold = .1}).sink_rate == Approx(1));
}

TEST_CASE("the first true key, whatever the padding before it") {
  AttentionTensor<float> padded(1, 1, 3, 3);
  padded.setValues({{{{9.f, 9.f, 9.f}, {9.f, .75f, .25f}, {9.f, .5f, .5f}}}});
  CHECK(sink(AttentionView<float>(padded, self_padding({2}, {1}))).sink_mass(0) == Approx(.625));
}

TEST_CASE("the first key of the text, not of a sliding window") {
  const Eigen::Matrix3d own = Eigen::Matrix3d::Identity();
  CHECK(sink(AttentionView(own, {.causal = true, .sliding_window = 1})).sink_mass(0) == Approx(1. / 3));
}

TEST_CASE("an excluded first key is no sink any more") {
  const auto a = two_heads();
  CHECK(sink(exclude_tokens(a, {.keys = {{0}}})).sink_mass(0) == 0);
}

TEST_CASE("without rows the rate is undefined") {
  CHECK(std::isnan(sink(AttentionTensor<float>(1, 2, 0, 4)).sink_rate));
  CHECK(message_of<ValueError>([] { SinkMeasure().merge(SinkMeasure({.threshold = .5})); }) ==
        "cannot pool sinks of thresholds 0.3 and 0.5");
}
