#include <attnscope/flow/gradient_maps.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::MatrixXd;

namespace {

struct Made {
  AttentionTensor<float> attention;
  AttentionTensor<double> gradient;
  Layout layout;

  explicit Made(const Layout& of)
      : attention(test::random_attention<float>(of)), gradient(attention.dimensions()), layout(of) {
    for (Index i = 0; i < gradient.size(); ++i) gradient.data()[i] = std::sin(static_cast<double>(3 * i + 1));
  }
  auto layer() const {
    return aligned(AttentionView<float>(attention, layout.mask()),
                   AttentionView<double>(gradient, layout.mask()));
  }
  MatrixXd plain(Index b, GradientPart part) const {
    MatrixXd map = MatrixXd::Zero(layout.queries(b), layout.keys(b));
    const Index heads = layout.shape().heads;
    for (Index i = 0; i < map.rows(); ++i)
      for (Index j = layout.visible(b, i).first; j < layout.visible(b, i).last; ++j)
        for (Index h = 0; h < heads; ++h) {
          const Index query = layout.query_start(b) + i, key = layout.key_start(b) + j;
          const double product =
              static_cast<double>(attention(b, h, query, key)) * gradient(b, h, query, key);
          if (part == GradientPart::all || product > 0) map(i, j) += product / static_cast<double>(heads);
        }
    return map;
  }
};

}  // namespace

TEST_CASE("attention times gradient is what plain loops say, signed and its positive part, of any mask") {
  for (const Layout& layout :
       {Layout({2, 3, 6, 6}), Layout({2, 3, 6, 6}, self_padding({4, 6}, {2, 0}, {.causal = true})),
        Layout({1, 2, 4, 7}), Layout({1, 1, 300, 300}, {.causal = true, .sliding_window = 5})}) {
    const Made made(layout);
    for (const GradientPart part : {GradientPart::all, GradientPart::positive}) {
      const std::vector<MatrixXd> maps = gradient_maps(made.layer(), part);
      REQUIRE(static_cast<Index>(maps.size()) == layout.shape().batch);
      for (Index b = 0; b < layout.shape().batch; ++b)
        CHECK(test::difference(maps[static_cast<std::size_t>(b)], made.plain(b, part)) < 1e-14);
    }
  }
}

TEST_CASE("heads are clamped one by one, and cancel where they are not") {
  AttentionTensor<double> attention(1, 2, 1, 2), gradient(1, 2, 1, 2);
  attention.setConstant(.5);
  gradient.setValues({{{{4, 2}}, {{-4, 6}}}});
  const auto layer = aligned(attention, gradient);
  CHECK(gradient_maps(layer)[0] == MatrixXd{{0, 2}});
  CHECK(gradient_maps(layer, GradientPart::positive)[0] == MatrixXd{{1, 2}});
  const AttentionWithGradient loaded{AnyAttention(AttentionView<double>(attention)),
                                     AnyAttention(AttentionView<double>(gradient))};
  CHECK(gradient_maps(loaded)[0] == MatrixXd{{0, 2}});
}

TEST_CASE("rows that are not shown are 0, and bad gradients have a place") {
  const Made made{Layout({1, 2, 4, 4})};
  const ExcludedTokens excluded{.queries = {{1}}, .renormalise = false};
  const auto part = aligned(exclude_tokens(AttentionView<float>(made.attention), excluded),
                            exclude_tokens(AttentionView<double>(made.gradient), excluded));
  CHECK(gradient_maps(part)[0].row(1).isZero(0));
  CHECK(gradient_maps(part)[0].row(2) == gradient_maps(made.layer())[0].row(2));

  Made bad = made;
  bad.gradient(0, 1, 2, 3) = undefined;
  CHECK_THAT(message_of<ValueError>([&] { gradient_maps(bad.layer()); }),
             ContainsSubstring("batch element 0, head 1, query 2, key 3: the weight is nan"));
  CHECK(message_of<ShapeError>([] {
          gradient_maps(Made{Layout({1, 0, 2, 2})}.layer());
        }) == "the mean over no heads");
}
