#include <attnscope/attribution/leave_one_out.hpp>

#include "attribution/explained_models.hpp"

using namespace attnscope;
using test::explained;

TEST_CASE("the numbers of the script, of all classes and of one") {
  MaskedTokens model(11, test::classes_of_text);
  const auto mean = leave_one_out(model), of_class = leave_one_out(model, {.change = OutputChange::of_class});
  CHECK(mean.of_class == static_cast<Index>(explained("text.class")));
  CHECK(mean.output == test::classes_of_text(model.all()));
  for (Index token = 0; token < 11; ++token) {
    CHECK(mean.scores(token) == Approx(explained(fmt::format("leave_one_out.mean.{}", token))).epsilon(1e-11));
    CHECK(of_class.scores(token) ==
          Approx(explained(fmt::format("leave_one_out.class.{}", token))).epsilon(1e-11));
  }
  CHECK(model.evaluations() == 12);  // both asked for the same masks
}

TEST_CASE("a linear model: every token is worth its weight, of either sign") {
  const Eigen::Vector4d weights(.5, -2, 0, 1);
  MaskedTokens model(4, [&](const TokenMask& kept) {
    double sum = 0;
    for (std::size_t token = 0; token < 4; ++token) sum += kept[token] ? weights(static_cast<Index>(token)) : 0;
    return Eigen::VectorXd::Constant(1, sum);
  });
  CHECK(leave_one_out(model, {.change = OutputChange::of_class}).scores.isApprox(weights, 1e-14));
  CHECK(leave_one_out(model).scores.isApprox(weights.cwiseAbs(), 1e-14));
}

TEST_CASE("excluded tokens stay and have no score; a class of choice") {
  MaskedTokens model(11, test::classes_of_text);
  const auto result = leave_one_out(
      model, {.change = OutputChange::of_class, .of_class = 2, .excluded = {0, 10}});
  CHECK(std::isnan(result.scores(0)));
  CHECK(std::isnan(result.scores(10)));
  CHECK(model.evaluations() == 10);
  TokenMask without = model.all();
  without[4] = false;
  CHECK(result.scores(4) == result.output(2) - test::classes_of_text(without)(2));
  CHECK(message_of<ShapeError>([&] { leave_one_out(model, {.excluded = {11}}); }) == "excluded token 11 of 11");
  CHECK(message_of<ShapeError>([&] { leave_one_out(model, {.of_class = -1}); }) ==
        "class -1 of an output of 3 numbers");
}

TEST_CASE("two tokens that do the same work are not missed; progress stops") {
  MaskedTokens model(2, [](const TokenMask& kept) {
    return Eigen::VectorXd::Constant(1, kept[0] || kept[1] ? 1 : 0);
  });
  CHECK(leave_one_out(model).scores.isZero());
  MaskedTokens none(0, [](const TokenMask&) { return Eigen::VectorXd::Ones(1); });
  CHECK(leave_one_out(none).scores.size() == 0);
  CHECK_THROWS_AS(leave_one_out(model, {}, [](Index done, Index total) { return done < total - 1; }), Stopped);
}
