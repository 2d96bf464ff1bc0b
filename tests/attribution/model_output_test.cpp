#include <attnscope/attribution/model_output.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::numbers;

TEST_CASE("the distance of outputs") {
  CHECK(output_distance(numbers({.5, .3, .2}), numbers({.2, .5, .3})) == Approx(.3).epsilon(1e-14));
  // One number p stands for (p, 1 - p).
  CHECK(output_distance(numbers({.75}), numbers({.25})) == .5);
  CHECK(output_distance(numbers({.7, .3}), numbers({.2, .8})) == Approx(.5).epsilon(1e-14));
  CHECK(output_distance(numbers({-3}), numbers({4})) == 7);  // a score of any kind
  CHECK(message_of<ValueError>([] { output_distance(numbers({2, -1}), numbers({.5, .5})); }) ==
        "outputs that are no class probabilities: p[1] is -1");
  CHECK(message_of<ValueError>([] { output_distance(numbers({.9, .9}), numbers({.5, .5})); }) ==
        "outputs that are no class probabilities: p sums to 1.8, more than 1");
  CHECK(message_of<ShapeError>([] { output_distance(numbers({.5}), numbers({.5, .5})); }) ==
        "outputs that are no class probabilities: p has 1 numbers, but q has 2");
}

TEST_CASE("the predicted class") {
  CHECK(predicted_class(numbers({.2, .4, .4})) == 1);
  CHECK(predicted_class(numbers({-2})) == 0);
  CHECK(message_of<ShapeError>([] { predicted_class(numbers({})); }) == "the predicted class of no output");
}

TEST_CASE("what a model may answer") {
  CHECK(detail::checked_output(numbers({1, 2}), 0, "now") == numbers({1, 2}));
  CHECK(detail::checked_output(numbers({1, 2}), 2, "now") == numbers({1, 2}));
  CHECK(message_of<ShapeError>([] { detail::checked_output(numbers({}), 0, "without token 3"); }) ==
        "the model's output is empty without token 3");
  CHECK(message_of<ShapeError>([] { detail::checked_output(numbers({1}), 2, "without token 3"); }) ==
        "the model's output has 1 numbers without token 3, not 2");
  CHECK(message_of<ValueError>([] { detail::checked_output(numbers({1, NAN}), 2, "without token 3"); }) ==
        "the model's output[1] is nan without token 3");
}

TEST_CASE("matrices of a model") {
  Eigen::MatrixXd slope = Eigen::MatrixXd::Zero(2, 3);
  detail::require_finite_matrix("gradient", slope, "input", slope);
  CHECK(message_of<ShapeError>([&] {
          detail::require_finite_matrix("gradient", slope, "input", slope.transpose());
        }) == "the gradient is [2 x 3], but the input is [3 x 2]");
  slope(1, 2) = -INFINITY;
  CHECK(message_of<ValueError>([&] { detail::require_finite_matrix("gradient", slope); }) ==
        "the gradient[1, 2] is -inf");
}
