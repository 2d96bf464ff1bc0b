#pragma once
#include <attnscope/core/tokens.hpp>
#include <attnscope/source/rewritten.hpp>

namespace attnscope {

/// [batch] of [true token]: the number of the word that the token is a piece of, see word_index().
using WordIndices = std::vector<std::vector<Index>>;

/// What becomes of the rows of a word's pieces.
enum class PieceRows {
  mean,   ///< their mean
  first,  ///< the first piece's row
  max,    ///< the largest weight on each word, scaled back to the mean sum of the rows
};

/// Options of merge_words().
struct WordOptions {
  PieceRows rows = PieceRows::mean;  ///< the row of a word
};

namespace detail {

/// The words of one example: which rows make a query word, and which word a key is a piece of.
class ExampleWords {
 public:
  /// query_words: [query token], from the key word at which the first query stands; excluded: query tokens,
  /// in rising order; key_words: [key token], from 0.
  ExampleWords(std::span<const Index> query_words, std::span<const Index> excluded,
               std::vector<Index> key_words, PieceRows rows)
      : key_words_(std::move(key_words)), first_(query_words.empty() ? 0 : query_words.front()) {
    for (std::size_t t = 0; t < query_words.size(); ++t) {
      if (t > 0 && query_words[t] != query_words[t - 1]) begins_.push_back(shown_.size());
      const bool further = rows == PieceRows::first && shown_.size() > begins_.back();
      const Index token = static_cast<Index>(t);
      if (!further && !std::binary_search(excluded.begin(), excluded.end(), token)) shown_.push_back(token);
    }
    if (!query_words.empty()) begins_.push_back(shown_.size());
  }

  Index queries() const { return static_cast<Index>(begins_.size()) - 1; }
  Index keys() const { return key_words_.empty() ? 0 : key_words_.back() + 1; }
  /// The key word at which query word 0 stands.
  Index first() const { return first_; }
  /// [piece] the tokens whose rows make a query word; none of an excluded word.
  std::span<const Index> pieces(Index word) const {
    const auto w = static_cast<std::size_t>(word);
    return std::span(shown_).subspan(begins_[w], begins_[w + 1] - begins_[w]);
  }
  /// The tokens from the first piece to the last of these words, none of which is excluded.
  Range tokens(Range words) const {
    if (words.size() == 0) return {0, 0};
    return {pieces(words.first).front(), pieces(words.last - 1).back() + 1};
  }
  /// to [key word] += row [key token]
  template <typename Weight, typename To>
  void add(std::span<const Weight> row, To& to) const {
    for (std::size_t j = 0; j < row.size(); ++j) to(key_words_[j]) += row[j];
  }
  std::vector<Index> excluded_queries() const {
    std::vector<Index> excluded;
    for (Index w = 0; w < queries(); ++w)
      if (pieces(w).empty()) excluded.push_back(w);
    return excluded;
  }
  std::vector<Index> excluded_keys(const Layout& tokens, Index example) const {
    std::vector<Index> left(static_cast<std::size_t>(keys()), 0), excluded;
    for (std::size_t t = 0; t < key_words_.size(); ++t) {
      const Index key = static_cast<Index>(t);
      left[static_cast<std::size_t>(key_words_[t])] += tokens.excludes_key(example, key) ? 0 : 1;
    }
    for (Index w = 0; w < keys(); ++w)
      if (left[static_cast<std::size_t>(w)] == 0) excluded.push_back(w);
    return excluded;
  }

 private:
  std::vector<Index> shown_;            // the query tokens whose rows are used
  std::vector<std::size_t> begins_{0};  // [query word + 1] where its pieces begin in shown_
  std::vector<Index> key_words_;        // [key token]
  Index first_;
};

/// The rule of merge_words().
class MergeWords {
 public:
  /// query_words, key_words: [batch] as ExampleWords takes them
  MergeWords(const Layout& tokens, const WordIndices& query_words, const WordIndices& key_words,
             WordOptions options)
      : options_(options) {
    const Mask& mask = tokens.mask();
    require<ShapeError>(
        mask.sliding_window == 0,
        "sliding_window = {} counts tokens, which is no fixed number of words: merge the words "
        "of the same weights under a mask without it",
        mask.sliding_window);
    Shape shape{tokens.shape().batch, tokens.shape().heads, 0, 0};
    Mask words{.causal = mask.causal};
    for (Index b = 0; b < shape.batch; ++b) {
      const auto e = static_cast<std::size_t>(b);
      const ExampleWords& example =
          examples_.emplace_back(query_words[e], tokens.excluded_queries(b), key_words[e], options.rows);
      // The rows are not stored anywhere; a start of their own lets each example's first word stand where it
      // does among the keys.
      words.query_starts.push_back(example.first());
      words.query_lengths.push_back(example.queries());
      words.key_lengths.push_back(example.keys());
      if (!mask.excluded_queries.empty()) words.excluded_queries.push_back(example.excluded_queries());
      if (!mask.excluded_keys.empty()) words.excluded_keys.push_back(example.excluded_keys(tokens, b));
      shape.queries = std::max(shape.queries, example.first() + example.queries());
      shape.keys = std::max(shape.keys, example.keys());
    }
    layout_ = Layout(shape, std::move(words));
  }

  const Layout& layout(const Layout&) const { return layout_; }
  Range inner_queries(Index example, Range queries) const {
    return examples_[static_cast<std::size_t>(example)].tokens(queries);
  }
  template <typename Weight, typename To>
  void write(const Block<Weight>& block, Index example, Range queries, To& rewritten) const {
    const ExampleWords& words = examples_[static_cast<std::size_t>(example)];
    for (Index h = 0; h < block.heads(); ++h)
      for (Index q = 0; q < queries.size(); ++q) {
        auto word = rewritten.row(h * queries.size() + q);
        const std::span<const Index> pieces = words.pieces(queries.first + q);
        const auto row = [&, rows = block.head(h)](Index token) { return rows.row(token - block.query(0)); };
        if (options_.rows == PieceRows::max)
          write_largest(words, pieces, row, word);
        else
          write_mean(words, pieces, row, word);
      }
  }

 private:
  template <typename Row, typename Word>
  static void write_mean(const ExampleWords& words, std::span<const Index> pieces, const Row& row,
                         Word& word) {
    for (const Index token : pieces) words.add(row(token), word);
    word /= static_cast<typename Word::Scalar>(pieces.size());
  }
  template <typename Row, typename Word>
  static void write_largest(const ExampleWords& words, std::span<const Index> pieces, const Row& row,
                            Word& word) {
    using Weight = typename Word::Scalar;
    Eigen::Matrix<Weight, 1, Eigen::Dynamic> piece(word.size());
    Weight sum = 0;
    for (const Index token : pieces) {
      piece.setZero();
      words.add(row(token), piece);
      sum += piece.sum();
      word = word.cwiseMax(piece);
    }
    if (const Weight largest = word.sum(); largest > 0)
      word *= sum / (static_cast<Weight>(pieces.size()) * largest);
  }

  WordOptions options_;
  std::vector<ExampleWords> examples_;
  Layout layout_;
};

/// @throws ShapeError unless there is a word index for the `tokens(b)` tokens of every batch element
template <typename Tokens>
void check_words(const char* axis, const WordIndices& words, Index batch, const Tokens& tokens) {
  require<ShapeError>(static_cast<Index>(words.size()) == batch, "{} lists of {} words for a batch of {}",
                      words.size(), axis, batch);
  for (Index b = 0; b < batch; ++b) {
    const std::vector<Index>& list = words[static_cast<std::size_t>(b)];
    require<ShapeError>(static_cast<Index>(list.size()) == tokens(b),
                        "batch element {}: the words of {} {} tokens are given, but there are {}", b,
                        list.size(), axis, tokens(b));
    in_context(fmt::format("batch element {}, {} words", b, axis), [&] { count_words(list); });
  }
}

/// The words of queries that are keys too, by the keys at which they stand.
inline WordIndices words_of_queries(const Layout& tokens, const WordIndices& key_words) {
  WordIndices all;
  for (Index b = 0; b < tokens.shape().batch; ++b) {
    std::vector<Index>& words = all.emplace_back();
    for (Index i = 0; i < tokens.queries(b); ++i) {
      const Index key = tokens.position(b, i);
      require<ShapeError>(
          key >= 0 && key < tokens.keys(b),
          "batch element {}: query {} stands at key {}, but there are {}: cross-attention has "
          "a word index for each side",
          b, i, key, tokens.keys(b));
      words.push_back(key_words[static_cast<std::size_t>(b)][static_cast<std::size_t>(key)]);
    }
  }
  return all;
}

}  // namespace detail

/// Self-attention between words instead of subwords (Clark et al. 2019, section 4.1): the weight on a word is
/// the sum over its pieces, the row of a word the mean over its pieces' rows, or as `options` say. Rows keep
/// their sums. words: one list a batch element, for the true tokens; token i is both query i + query_offset
/// and key i. The result counts in words: lengths, distances, and causal attention, in which a word sees the
/// words up to its own. A word is excluded when all its tokens are; of others, the rows of excluded pieces
/// are left out. Cost: one addition a weight, a block at a time.
/// @throws ShapeError a word index that does not fit or has gaps, naming batch element and token; a sliding
/// window
template <Borrowable A>
auto merge_words(A&& attention, const WordIndices& words, WordOptions options = {}) {
  auto source = source_of(std::forward<A>(attention));
  const Layout& tokens = source.layout();
  detail::check_words("key", words, tokens.shape().batch, [&](Index b) { return tokens.keys(b); });
  detail::MergeWords rule(tokens, detail::words_of_queries(tokens, words), words, options);
  return Rewritten(std::move(source), std::move(rule));
}

/// Cross-attention between words; each side has its own. @throws ShapeError also for causal attention
template <Borrowable A>
auto merge_words(A&& attention, const WordIndices& query_words, const WordIndices& key_words,
                 WordOptions options = {}) {
  auto source = source_of(std::forward<A>(attention));
  const Layout& tokens = source.layout();
  require<ShapeError>(
      !tokens.mask().causal,
      "causal attention has one word index, for queries and keys: a word sees the words up to "
      "its own");
  detail::check_words("query", query_words, tokens.shape().batch, [&](Index b) { return tokens.queries(b); });
  detail::check_words("key", key_words, tokens.shape().batch, [&](Index b) { return tokens.keys(b); });
  detail::MergeWords rule(tokens, query_words, key_words, options);
  return Rewritten(std::move(source), std::move(rule));
}

}  // namespace attnscope
