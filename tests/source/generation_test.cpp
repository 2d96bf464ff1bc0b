#include <attnscope/source/generation.hpp>

#include "support/catch.hpp"

#include <fstream>
#include <map>
#include <sstream>

using namespace attnscope;
using Tensor = AttentionTensor<double>;

namespace {

/// Numbers that say where they stand: step, batch element, head, query and key.
Tensor made_step(Index step, Index batch, Index queries, Index keys) {
  Tensor rows(batch, 2, queries, keys);
  for (Index b = 0; b < batch; ++b)
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < queries; ++i)
        for (Index j = 0; j < keys; ++j)
          rows(b, h, i, j) = static_cast<double>(((((step + 1) * 10 + b) * 10 + h) * 10 + i) * 10 + j);
  return rows;
}
/// Whether row `target` of a sequence is row `query` of a step's batch element, and 0 beyond its keys.
bool row_is(const Tensor& all, Index sequence, Index target, const Tensor& step, Index b, Index query = 0) {
  bool same = true;
  for (Index h = 0; h < all.dimension(1); ++h)
    for (Index j = 0; j < all.dimension(3); ++j)
      same = same && all(sequence, h, target, j) == (j < step.dimension(3) ? step(b, h, query, j) : 0);
  return same;
}
bool row_is_zero(const Tensor& all, Index sequence, Index target) {
  return row_is(all, sequence, target, Tensor(1, all.dimension(1), 1, 0), 0);
}
std::vector<Index> shape(const Tensor& tensor) {
  return {tensor.dimension(0), tensor.dimension(1), tensor.dimension(2), tensor.dimension(3)};
}

struct Case {
  BeamIndices beams;
  std::vector<Tensor> steps;
  Tensor full;
};

/// What make_generation.py wrote.
std::map<std::string, Case> generated() {
  std::map<std::string, Case> cases;
  Case* current = nullptr;
  std::ifstream file(ATTNSCOPE_TEST_DIR "/source/data/generation.dat");
  for (std::string line, kind; std::getline(file, line);) {
    std::istringstream words(line);
    words >> kind;
    if (kind == "case") {
      std::string name;
      words >> name;
      current = &cases[name];
    } else if (kind == "beams") {
      current->beams.emplace_back();
      for (Index row; words >> row;) current->beams.back().push_back(row);
    } else {
      Index b, h, i, j;
      words >> b >> h >> i >> j;
      Tensor tensor(b, h, i, j);
      for (Index k = 0; k < tensor.size(); ++k) words >> tensor.data()[k];
      if (kind == "step")
        current->steps.push_back(tensor);
      else
        current->full = tensor;
    }
  }
  return cases;
}

}  // namespace

TEST_CASE("a model's steps are its one pass over what it wrote") {
  const auto cases = generated();
  CHECK(cases.size() == 5);
  for (const auto& [name, expected] : cases) {
    CAPTURE(name);
    GenerationAttention<double> generation;
    for (const Tensor& step : expected.steps) generation.add_step(step);
    const Tensor all = generation.result(expected.beams);
    REQUIRE(shape(all) == shape(expected.full));
    double apart = 0;
    for (Index k = 0; k < all.size(); ++k)
      apart = std::max(apart, std::abs(all.data()[k] - expected.full.data()[k]));
    CHECK(apart < 2e-6);
  }
  // The beams cross: row 3 alone is another text.
  GenerationAttention<double> generation;
  for (const Tensor& step : cases.at("self1").steps) generation.add_step(step);
  const Tensor rows = generation.result(), &full = cases.at("self1").full;
  double apart = 0;
  for (Index i = 0; i < 5; ++i) apart = std::max(apart, std::abs(rows(3, 0, i, 0) - full(1, 0, i, 0)));
  CHECK(apart > .01);
}

TEST_CASE("self-attention grows: a block of rows, then one each") {
  const std::vector<Tensor> steps{made_step(0, 2, 3, 3), made_step(1, 2, 1, 4), made_step(2, 2, 2, 6)};
  GenerationAttention<double> generation;
  for (const Tensor& step : steps) generation.add_step(step);
  CHECK(generation.steps() == 3);
  const Tensor all = generation.result();
  CHECK(shape(all) == std::vector<Index>{2, 2, 6, 6});
  for (Index b = 0; b < 2; ++b) {
    for (Index i = 0; i < 3; ++i) CHECK(row_is(all, b, i, steps[0], b, i));
    CHECK(row_is(all, b, 3, steps[1], b));
    CHECK(row_is(all, b, 4, steps[2], b, 0));
    CHECK(row_is(all, b, 5, steps[2], b, 1));
  }
}

TEST_CASE("cross-attention keeps its keys, and a cache before the prompt") {
  const std::vector<Tensor> steps{made_step(0, 1, 1, 4), made_step(1, 1, 1, 4)},
      cached{made_step(0, 1, 2, 7), made_step(1, 1, 1, 8)};
  GenerationAttention<double> cross, self;
  for (const Tensor& step : steps) cross.add_step(step);
  CHECK(shape(cross.result()) == std::vector<Index>{1, 2, 2, 4});
  CHECK(row_is(cross.result(), 0, 1, steps[1], 0));
  for (const Tensor& step : cached) self.add_step(step);
  CHECK(shape(self.result()) == std::vector<Index>{1, 2, 3, 8});
}

TEST_CASE("beams go on from others") {
  const std::vector<Tensor> steps{made_step(0, 1, 2, 2), made_step(1, 3, 1, 3), made_step(2, 3, 1, 4),
                                  made_step(3, 2, 1, 5)};
  GenerationAttention<double> generation;
  generation.add_step(steps[0]);
  generation.add_step(steps[1], {0, 0, 0});
  generation.add_step(steps[2], {2, 0, 2});
  generation.add_step(steps[3], {1, 2});
  const Tensor all = generation.result();
  CHECK(shape(all) == std::vector<Index>{2, 2, 5, 5});
  // Sequence 0: rows 1, 0, 0 of steps 2, 1, 0; sequence 1: rows 2, 2, 0.
  for (Index b = 0; b < 2; ++b) {
    for (Index i = 0; i < 2; ++i) CHECK(row_is(all, b, i, steps[0], 0, i));
    CHECK(row_is(all, b, 4, steps[3], b));
  }
  CHECK(row_is(all, 0, 3, steps[2], 1));
  CHECK(row_is(all, 0, 2, steps[1], 0));
  CHECK(row_is(all, 1, 3, steps[2], 2));
  CHECK(row_is(all, 1, 2, steps[1], 2));
}

TEST_CASE("beam indices choose, and end") {
  const std::vector<Tensor> steps{made_step(0, 4, 1, 1), made_step(1, 4, 1, 2), made_step(2, 4, 1, 3)};
  GenerationAttention<double> generation;
  for (const Tensor& step : steps) generation.add_step(step);
  const Tensor all = generation.result({{1, 0, 3, -1, -1}, {2, -1}, {3}});
  CHECK(shape(all) == std::vector<Index>{3, 2, 3, 3});
  CHECK(row_is(all, 0, 0, steps[0], 1));
  CHECK(row_is(all, 0, 1, steps[1], 0));
  CHECK(row_is(all, 0, 2, steps[2], 3));
  CHECK(row_is(all, 1, 0, steps[0], 2));
  CHECK(row_is(all, 2, 0, steps[0], 3));
  for (Index i = 1; i < 3; ++i) {
    CHECK(row_is_zero(all, 1, i));
    CHECK(row_is_zero(all, 2, i));
  }
  const Tensor gap = generation.result({{0, -1, 1}});
  CHECK(row_is_zero(gap, 0, 1));
  CHECK(row_is(gap, 0, 2, steps[2], 1));
  // No sequence reached the third step.
  CHECK(shape(generation.result({{1, 0}, {2, 2}})) == std::vector<Index>{2, 2, 2, 2});
  CHECK(shape(generation.result({{-1}})) == std::vector<Index>{1, 2, 0, 1});
}

TEST_CASE("steps of any stride and precision") {
  const Tensor first = made_step(0, 1, 2, 2);
  // The same numbers, keys first: [key, query, head, batch] backwards.
  std::vector<float> turned;
  for (Index j = 0; j < 2; ++j)
    for (Index i = 0; i < 2; ++i)
      for (Index h = 0; h < 2; ++h) turned.push_back(static_cast<float>(first(0, h, i, j)));
  GenerationAttention<float> generation;
  generation.add_step(AttentionView<float>(turned.data(), Layout({1, 2, 2, 2}), {8, 1, 2, 4}));
  turned.assign(8, 0);  // copied: the buffer of a step may be used again
  CHECK(row_is(generation.result().cast<double>(), 0, 1, first, 0, 1));

  GenerationAttention<Eigen::half> halves;
  AttentionTensor<Eigen::half> step(1, 1, 1, 1);
  step.setConstant(Eigen::half(.5f));
  halves.add_step(step);
  CHECK(static_cast<float>(halves.result()(0, 0, 0, 0)) == .5f);
}

TEST_CASE("what does not fit names step and axis") {
  GenerationAttention<double> generation;
  const auto message = [&](const Tensor& step, std::vector<Index> parents = {}) {
    return message_of<ShapeError>([&] { generation.add_step(step, parents); });
  };
  CHECK(message_of<ShapeError>([&] { generation.result(); }) == "the attention of no steps");
  CHECK(message_of<ShapeError>([&] { generation.result({{0}}); }) == "the attention of no steps");
  CHECK(message(made_step(0, 2, 1, 1), {0, 1}) == "step 0: 2 parents, but there is no step before");
  generation.add_step(made_step(0, 2, 3, 3));
  CHECK(message(Tensor(2, 3, 1, 4)) == "step 1: 3 heads, but the step before had 2");
  CHECK(message(made_step(1, 4, 1, 4)) == "step 1: a batch of 4, but the step before had 2");
  CHECK(message(made_step(1, 2, 1, 4), {0, 1, 1}) == "step 1: a batch of 2, but parents for 3");
  CHECK(message(made_step(1, 2, 1, 4), {0, 2}) == "step 1: batch element 1 goes on from 2 of 2");
  CHECK(message(made_step(1, 2, 1, 4), {-1, 0}) == "step 1: batch element 0 goes on from -1 of 2");
  CHECK(message(made_step(1, 2, 1, 5)) ==
        "step 1: 5 keys, but 4 are expected: 3 before and 1 of the new queries");
  CHECK(message(made_step(1, 2, 0, 3)) == "step 1: no queries");  // keys may stay or grow
  generation.add_step(made_step(1, 2, 1, 4));
  CHECK(message(made_step(2, 2, 1, 4)) ==
        "step 2: 4 keys, but 5 are expected: 4 before and 1 of the new queries");
  CHECK(generation.steps() == 2);  // what was refused is not there

  GenerationAttention<double> cross;
  cross.add_step(made_step(0, 2, 1, 4));
  cross.add_step(made_step(1, 2, 1, 4));
  CHECK(message_of<ShapeError>([&] { cross.add_step(made_step(2, 2, 1, 5)); }) ==
        "step 2: 5 keys, but 4 are expected: 4 before");
  CHECK(message_of<ShapeError>([&] { cross.result(BeamIndices{}); }) == "the attention of no sequences");
  CHECK(message_of<ShapeError>([&] {
          cross.result({{0, 1}, {1, 2}});
        }) == "sequence 1, step 1: batch element 2 of 2");
  CHECK(message_of<ShapeError>([&] {
          cross.result({{0, -2}});
        }) == "sequence 0, step 1: batch element -2 of 2");
  CHECK(message_of<ShapeError>([&] {
          cross.result({{0, 1, 1}});
        }) == "sequence 0, step 2: there are 2 steps");
}
