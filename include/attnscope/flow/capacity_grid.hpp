#pragma once
#include <attnscope/core/block.hpp>
#include <attnscope/flow/bit_matrix.hpp>

#include <cmath>
#include <limits>
#include <span>

namespace attnscope::detail {

using Rows = RowMatrix<double>;

/// The arcs from the nodes of one level to those of the next, in whole units.
struct Arcs {
  Rows capacity;  ///< [from x to]
  BitMatrix out;  ///< [from x to] where the capacity is above 0
  BitMatrix in;   ///< [to x from] the same arcs
};

/// The levels of a stack and the arcs between them. Level 0 are the input tokens, level l + 1 stands above
/// layer l. Capacities become whole numbers of a unit, a power of two so small that the largest row or column
/// of a layer sums to 2^51 .. 2^52 of them: doubles then add, subtract and compare flows without rounding,
/// and no solver needs an epsilon. A capacity moves by at most half a unit, or becomes one unit where it is
/// less and not 0, so that a way stays a way.
///
/// No flow through all layers exceeds what the narrowest of them holds in all. Capacities of more than twice
/// that are cut down to it, so that a wide layer does not take the precision of the others; being above every
/// flow, they are in no minimum cut, before and after.
class CapacityGrid {
 public:
  /// @throws ShapeError no layers, one that is not square or of another size
  /// @throws ValueError a capacity that is negative or not finite, or sums to infinity
  explicit CapacityGrid(std::span<const Eigen::MatrixXd> capacities) {
    require<ShapeError>(!capacities.empty(), "there are no layers for attention to flow through");
    tokens_ = capacities[0].rows();
    double narrowest = std::numeric_limits<double>::infinity();
    for (std::size_t l = 0; l < capacities.size(); ++l)
      narrowest = std::min(narrowest, checked_total(static_cast<Index>(l), capacities[l]));
    alike_ = narrowest > 0;
    if (alike_) most_ = 2 * narrowest;
    double largest = 0;
    for (const Eigen::MatrixXd& capacity : capacities) {
      alike_ = alike_ && capacity.maxCoeff() <= most_;
      largest = std::max(largest, largest_sum(capacity.cwiseMin(most_)));
    }
    int exponent = 0;
    std::frexp(largest, &exponent);
    exponent = std::max(exponent, -1022);  // below, the unit would be 0
    unit_ = std::ldexp(1., exponent - 52);
    for (const Eigen::MatrixXd& capacity : capacities) add(capacity);
  }

  Index tokens() const { return tokens_; }
  Index layers() const { return static_cast<Index>(down_.size()); }
  double unit() const { return unit_; }
  /// Whether the lower layers alone would be held by the same grid: nothing was cut down.
  bool alike() const { return alike_; }
  /// Layer l from level l + 1 down to level l.
  const Arcs& down(Index l) const { return down_[static_cast<std::size_t>(l)]; }
  /// Layer l turned round: from level l up to level l + 1.
  const Arcs& up(Index l) const { return up_[static_cast<std::size_t>(l)]; }

 private:
  double checked_total(Index l, const Eigen::MatrixXd& capacity) const {
    require<ShapeError>(capacity.rows() == capacity.cols(),
                        "layer {}: the capacities are {} x {}, not square", l, capacity.rows(),
                        capacity.cols());
    require<ShapeError>(capacity.rows() == tokens_, "layer {}: {} tokens, layer 0 has {}", l, capacity.rows(),
                        tokens_);
    for (Index j = 0; j < tokens_; ++j)
      for (Index i = 0; i < tokens_; ++i)
        require<ValueError>(std::isfinite(capacity(i, j)) && capacity(i, j) >= 0,
                            "layer {}, row {}, column {}: a capacity cannot be {}", l, i, j, capacity(i, j));
    require<ValueError>(std::isfinite(largest_sum(capacity)), "layer {}: the capacities sum to infinity", l);
    return capacity.sum();
  }
  /// Of a row or column.
  static double largest_sum(const Eigen::MatrixXd& capacity) {
    if (capacity.size() == 0) return 0;
    return std::max(capacity.rowwise().sum().maxCoeff(), capacity.colwise().sum().maxCoeff());
  }
  void add(const Eigen::MatrixXd& capacity) {
    Arcs down{Rows(tokens_, tokens_), BitMatrix(tokens_, tokens_), BitMatrix(tokens_, tokens_)};
    for (Index i = 0; i < tokens_; ++i)
      for (Index j = 0; j < tokens_; ++j) {
        const bool open = capacity(i, j) > 0;
        down.capacity(i, j) =
            open ? std::max(1., std::nearbyint(std::min(capacity(i, j), most_) / unit_)) : 0;
        if (open) {
          down.out.set(i, j);
          down.in.set(j, i);
        }
      }
    up_.push_back({down.capacity.transpose(), down.in, down.out});
    down_.push_back(std::move(down));
  }

  Index tokens_ = 0;
  double unit_ = 1;
  double most_ = std::numeric_limits<double>::infinity();
  bool alike_;
  std::vector<Arcs> down_, up_;
};

inline void require_token(const CapacityGrid& grid, const char* name, Index token) {
  require<ShapeError>(token >= 0 && token < grid.tokens(), "{} {}: there are {} tokens", name, token,
                      grid.tokens());
}

}  // namespace attnscope::detail
