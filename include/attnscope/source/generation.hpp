#pragma once
#include <attnscope/source/stored.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

namespace attnscope {

/// [sequence] of [step]: the batch row of that step in which the sequence stood; -1 where it stood in none,
/// because it was finished.
using BeamIndices = std::vector<std::vector<Index>>;

/// Puts the attention of one layer together that a model hands out step by step while it generates: the first
/// step a block of rows (the prompt, or one), later ones mostly one row each. Self-attention has as many more
/// keys each time as there are rows, cross-attention always the same. Keys that came later are 0 in earlier
/// rows.
///
/// With beams the rows of a batch change places: say so by `parents` at each step, or at the end by what
/// Hugging Face calls beam_indices.
template <typename Scalar>
class GenerationAttention {
 public:
  /// step: [batch * beams, head, new query, key], copied, its mask is not looked at (the result may have
  /// one). parents: [batch] the row of the step before that each row goes on from; empty: its own.
  /// @throws ShapeError naming step and axis: other heads, another batch without parents, no queries after
  /// the first step, keys that neither stay nor grow as the rows do, a parent that is not there
  void add_step(const AttentionView<Scalar>& step, std::vector<Index> parents = {}) {
    in_context(fmt::format("step {}", steps_.size()), [&] { check(step.layout().shape(), parents); });
    steps_.push_back({copy_of(step), std::move(parents)});
  }
  /// The same of a tensor.
  void add_step(const AttentionTensor<Scalar>& step, std::vector<Index> parents = {}) {
    add_step(AttentionView<Scalar>(step), std::move(parents));
  }
  /// How many were added.
  Index steps() const { return static_cast<Index>(steps_.size()); }

  /// [batch, head, target, source] of the rows of the last step and of what they went on from.
  /// @throws ShapeError no steps
  AttentionTensor<Scalar> result() const {
    require<ShapeError>(!steps_.empty(), "the attention of no steps");
    BeamIndices beams(static_cast<std::size_t>(steps_.back().rows.dimension(0)),
                      std::vector<Index>(steps_.size()));
    for (std::size_t b = 0; b < beams.size(); ++b) {
      Index row = static_cast<Index>(b);
      for (std::size_t s = steps_.size(); s-- > 0;) {
        beams[b][s] = row;
        if (!steps_[s].parents.empty()) row = steps_[s].parents[static_cast<std::size_t>(row)];
      }
    }
    return result(beams);
  }
  /// The same for these sequences: beam_indices of Hugging Face, whatever `parents` say. Up to the last step
  /// in which one of them stood; the rows of a sequence that was finished before are 0.
  /// @throws ShapeError no steps, no sequences; a row or a step that is not there, naming sequence and step
  AttentionTensor<Scalar> result(const BeamIndices& beam_indices) const {
    require<ShapeError>(!steps_.empty(), "the attention of no steps");
    require<ShapeError>(!beam_indices.empty(), "the attention of no sequences");
    const std::size_t count = count_steps(beam_indices);
    Index targets = 0;
    for (std::size_t s = 0; s < count; ++s) targets += steps_[s].rows.dimension(2);
    const auto& last = steps_[std::max<std::size_t>(count, 1) - 1].rows;
    AttentionTensor<Scalar> all(static_cast<Index>(beam_indices.size()), last.dimension(1), targets,
                                last.dimension(3));
    all.setZero();
    Index target = 0;
    for (std::size_t s = 0; s < count; target += steps_[s++].rows.dimension(2))
      for (std::size_t b = 0; b < beam_indices.size(); ++b)
        if (s < beam_indices[b].size() && beam_indices[b][s] >= 0)
          put(steps_[s].rows, beam_indices[b][s], all, static_cast<Index>(b), target);
    return all;
  }

 private:
  struct Step {
    AttentionTensor<Scalar> rows;  // [batch * beams, head, new query, key]
    std::vector<Index> parents;
  };

  void check(const Shape& step, const std::vector<Index>& parents) const {
    if (steps_.empty()) {
      require<ShapeError>(parents.empty(), "{} parents, but there is no step before", parents.size());
      return;
    }
    const auto& before = steps_.back().rows;
    require<ShapeError>(step.heads == before.dimension(1), "{} heads, but the step before had {}", step.heads,
                        before.dimension(1));
    if (parents.empty())
      require<ShapeError>(step.batch == before.dimension(0), "a batch of {}, but the step before had {}",
                          step.batch, before.dimension(0));
    else
      check_parents(step.batch, parents, before.dimension(0));
    check_keys(step, before.dimension(3));
  }
  static void check_parents(Index batch, const std::vector<Index>& parents, Index rows) {
    require<ShapeError>(static_cast<Index>(parents.size()) == batch, "a batch of {}, but parents for {}",
                        batch, parents.size());
    for (std::size_t b = 0; b < parents.size(); ++b)
      require<ShapeError>(parents[b] >= 0 && parents[b] < rows, "batch element {} goes on from {} of {}", b,
                          parents[b], rows);
  }
  /// The second step shows whether keys stay or grow; those after it do the same. Without a query it would
  /// show nothing.
  void check_keys(const Shape& step, Index before) const {
    require<ShapeError>(step.queries > 0, "no queries");
    const Index second = steps_.size() == 1 ? step.keys : steps_[1].rows.dimension(3);
    const bool stay = second == steps_[0].rows.dimension(3);
    const Index expected = before + (stay ? 0 : step.queries);
    require<ShapeError>(step.keys == expected, "{} keys, but {} are expected: {} before{}", step.keys,
                        expected, before,
                        stay ? "" : fmt::format(" and {} of the new queries", step.queries));
  }
  /// How many steps until the last sequence was finished.
  std::size_t count_steps(const BeamIndices& beam_indices) const {
    std::size_t count = 0;
    for (std::size_t b = 0; b < beam_indices.size(); ++b)
      for (std::size_t s = 0; s < beam_indices[b].size(); ++s) {
        const Index row = beam_indices[b][s];
        if (row == -1) continue;
        require<ShapeError>(s < steps_.size(), "sequence {}, step {}: there are {} steps", b, s,
                            steps_.size());
        const Index rows = steps_[s].rows.dimension(0);
        require<ShapeError>(row >= 0 && row < rows, "sequence {}, step {}: batch element {} of {}", b, s, row,
                            rows);
        count = std::max(count, s + 1);
      }
    return count;
  }
  static AttentionTensor<Scalar> copy_of(const AttentionView<Scalar>& step) {
    const Shape& s = step.layout().shape();
    const auto& [by_batch, by_head, by_query, by_key] = step.strides();
    AttentionTensor<Scalar> rows(s.batch, s.heads, s.queries, s.keys);
    for (Index b = 0; b < s.batch; ++b)
      for (Index h = 0; h < s.heads; ++h)
        for (Index i = 0; i < s.queries; ++i)
          for (Index j = 0; j < s.keys; ++j)
            rows(b, h, i, j) = step.data()[b * by_batch + h * by_head + i * by_query + j * by_key];
    return rows;
  }
  /// One batch row of a step, from query `target` of sequence `to` on.
  static void put(const AttentionTensor<Scalar>& rows, Index from, AttentionTensor<Scalar>& all, Index to,
                  Index target) {
    for (Index h = 0; h < rows.dimension(1); ++h)
      for (Index i = 0; i < rows.dimension(2); ++i)
        for (Index j = 0; j < rows.dimension(3); ++j) all(to, h, target + i, j) = rows(from, h, i, j);
  }

  std::vector<Step> steps_;
};

}  // namespace attnscope
