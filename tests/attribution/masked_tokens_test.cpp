#include <attnscope/attribution/masked_tokens.hpp>

#include <stdexcept>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
Eigen::VectorXd share_kept(const TokenMask& kept) {
  const double share =
      static_cast<double>(std::count(kept.begin(), kept.end(), true)) / static_cast<double>(kept.size());
  return Eigen::Vector2d(share, 1 - share);
}
}  // namespace

TEST_CASE("a mask of tokens is asked for once") {
  Index calls = 0;
  MaskedTokens model(4, [&](const TokenMask& kept) {
    ++calls;
    return share_kept(kept);
  });
  CHECK(model.evaluations() == 0);
  CHECK(model.all() == TokenMask{true, true, true, true});
  CHECK(model(model.all()) == Eigen::Vector2d(1, 0));
  CHECK(model({true, false, true, false}) == Eigen::Vector2d(.5, .5));
  CHECK(model({false, true, true, false}) == Eigen::Vector2d(.5, .5));
  CHECK(model(model.all())(0) == 1);
  CHECK(calls == 3);
  CHECK(model.evaluations() == 3);
  CHECK(model.tokens() == 4);
}

TEST_CASE("outputs that are none are named with the tokens left out, and not remembered") {
  bool whole = true;
  MaskedTokens model(6, [&](const TokenMask& kept) -> Eigen::VectorXd {
    return whole ? share_kept(kept) : Eigen::VectorXd::Constant(2, INFINITY);
  });
  model(model.all());
  whole = false;
  const auto message = [&](const TokenMask& kept) {
    return message_of<ValueError>([&] { model(kept); });
  };
  CHECK(message({true, true, false, true, true, true}) == "the model's output[0] is inf without token 2");
  CHECK(message({true, true, false, true, false, false}) ==
        "the model's output[0] is inf without tokens 2, 4, 5");
  CHECK(message(TokenMask(6, false)) == "the model's output[0] is inf without tokens 0, 1, 2 and 3 more");
  CHECK(model.evaluations() == 1);
  MaskedTokens never(1, [](const TokenMask&) { return Eigen::VectorXd::Constant(1, NAN); });
  CHECK(message_of<ValueError>([&] { never(never.all()); }) == "the model's output[0] is nan with every token");
  MaskedTokens grows(3, [](const TokenMask& kept) -> Eigen::VectorXd {
    return Eigen::VectorXd::Ones(std::count(kept.begin(), kept.end(), true));
  });
  grows(grows.all());
  CHECK(message_of<ShapeError>([&] { grows({true, false, true}); }) ==
        "the model's output has 2 numbers without token 1, not 3");
  MaskedTokens fails(3, [](const TokenMask&) -> Eigen::VectorXd { throw std::runtime_error("out of memory"); });
  CHECK_THROWS_WITH(fails(fails.all()), "out of memory");
}

TEST_CASE("texts and masks of another size, tokens and classes that are not there") {
  CHECK(message_of<ShapeError>([] { MaskedTokens(-1, share_kept); }) == "a text of -1 tokens");
  MaskedTokens model(2, share_kept);
  CHECK(message_of<ShapeError>([&] { model({true}); }) == "a mask of 1 tokens for a text of 2");
  CHECK(detail::removable_tokens(4, {2, 0, 2}) == std::vector<Index>{1, 3});
  CHECK(message_of<ShapeError>([] { detail::removable_tokens(4, {1, 4}); }) == "excluded token 4 of 4");
  CHECK(message_of<ShapeError>([] { detail::removable_tokens(4, {-1}); }) == "excluded token -1 of 4");
  const Eigen::VectorXd output = Eigen::Vector3d(.2, .5, .3);
  CHECK(detail::class_of({}, output) == 1);
  CHECK(detail::class_of(2, output) == 2);
  CHECK(message_of<ShapeError>([&] { detail::class_of(3, output); }) == "class 3 of an output of 3 numbers");
}
