#pragma once
#include <attnscope/sweep.hpp>

#include <vector>

namespace attnscope::detail {

/// A Part of PerExample: the rows of a map [query x column] as they come, those that are not shown 0.
class MapPart {
 public:
  using Rows = RowMatrix<double>;

  MapPart(Index queries, Index columns) : queries_(queries), columns_(columns) {}
  MapPart(const Layout& layout, Index example) : MapPart(layout.queries(example), layout.keys(example)) {}

  /// Rows of the queries first, first + 1, ...; columns that they do not have are 0.
  void append(Index first, const Rows& rows) {
    if (rows.rows() == 0) return;
    skip_to(first);
    for (Index r = 0; r < rows.rows(); ++r) {
      numbers_.insert(numbers_.end(), rows.row(r).data(), rows.row(r).data() + rows.cols());
      numbers_.resize(numbers_.size() + static_cast<std::size_t>(columns_ - rows.cols()));
    }
    next_ += rows.rows();
  }
  void merge(MapPart&& later) {
    if (later.next_ == later.begin_) return;
    skip_to(later.begin_);
    numbers_.insert(numbers_.end(), later.numbers_.begin(), later.numbers_.end());
    next_ = later.next_;
  }
  Eigen::MatrixXd matrix() const {
    Eigen::MatrixXd map = Eigen::MatrixXd::Zero(queries_, columns_);
    if (!numbers_.empty())
      map.middleRows(begin_, next_ - begin_) =
          Eigen::Map<const Rows>(numbers_.data(), next_ - begin_, columns_);
    return map;
  }

 private:
  void skip_to(Index query) {
    if (begin_ == next_) begin_ = next_ = query;
    numbers_.resize(numbers_.size() + static_cast<std::size_t>((query - next_) * columns_));
    next_ = query;
  }

  Index queries_, columns_;
  Index begin_ = 0, next_ = 0;  // which queries stand in `numbers_`
  std::vector<double> numbers_;
};

/// A Part of PerExample: such a map of every head [query x key].
class HeadMapParts {
 public:
  HeadMapParts(const Layout& layout, Index example)
      : heads_(static_cast<std::size_t>(layout.shape().heads), MapPart(layout, example)) {}

  void append(Index head, Index first, const MapPart::Rows& rows) {
    heads_[static_cast<std::size_t>(head)].append(first, rows);
  }
  void merge(HeadMapParts&& later) {
    for (std::size_t h = 0; h < heads_.size(); ++h) heads_[h].merge(std::move(later.heads_[h]));
  }
  /// [head]
  std::vector<Eigen::MatrixXd> matrices() const {
    std::vector<Eigen::MatrixXd> maps;
    for (const MapPart& head : heads_) maps.push_back(head.matrix());
    return maps;
  }

 private:
  std::vector<MapPart> heads_;
};

/// [example] the maps.
inline std::vector<Eigen::MatrixXd> matrices(const PerExample<MapPart>& examples) {
  std::vector<Eigen::MatrixXd> maps;
  for (const MapPart& example : examples.parts()) maps.push_back(example.matrix());
  return maps;
}

}  // namespace attnscope::detail
