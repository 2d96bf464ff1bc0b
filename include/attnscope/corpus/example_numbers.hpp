#pragma once
#include <attnscope/corpus/bins.hpp>
#include <attnscope/corpus/poisson_bootstrap.hpp>

#include <compare>
#include <string>
#include <vector>

namespace attnscope {

/// What a number is of: a stack of layers ("self") and the number's name ("entropies").
struct TableName {
  std::string stack;       ///< "self", "encoder"
  std::string name;        ///< as the report calls it
  bool of_layers = false;  ///< a number of whole layers, not of heads
  auto operator<=>(const TableName&) const = default;
  /// "self entropies".
  std::string text() const { return stack + " " + name; }
};

/// One number of every head of a stack, or of every layer.
struct NumberTable {
  TableName name;          ///< what the number is of
  Bins bins;               ///< where its values are expected
  Eigen::ArrayXXd values;  ///< [layer x head], or [layer x 1]; NaN where undefined
};

/// One category of every head of a stack, such as its role.
struct CategoryTable {
  TableName name;                       ///< what the category is of
  Index heads = 0;                      ///< of each layer
  std::vector<std::string> categories;  ///< [layer * heads + head]; empty where there is no such head
};

/// All that a corpus keeps count of, of one example.
struct ExampleNumbers {
  ExamplePlace place;                       ///< in the list of the corpus
  std::string name;                         ///< by which it is shown
  Index tokens = 0;                         ///< true ones
  std::vector<NumberTable> numbers{};       ///< each name once
  std::vector<CategoryTable> categories{};  ///< each name once
};

/// The length bucket of an example, by the most tokens that it holds: 8, 16, 32, ...; of 9 tokens 16.
inline Index length_bucket(Index tokens) {
  Index most = 8;
  while (most < tokens) most *= 2;
  return most;
}

}  // namespace attnscope
