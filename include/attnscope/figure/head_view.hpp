#pragma once
#include <attnscope/figure/filter.hpp>
#include <attnscope/figure/names.hpp>
#include <attnscope/figure/token_columns.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// Which lines of a pair of sentences are drawn: from the queries of one to the keys of one.
enum class SentenceFilter { all, a_to_a, a_to_b, b_to_a, b_to_b };

/// How head_view() draws, and what.
struct HeadViewOptions {
  std::string title = {};                          ///< above the figure; none where it is empty
  std::vector<std::string> query_tokens{};         ///< [query], or none: their numbers
  std::vector<std::string> key_tokens{};           ///< [key], or none: their numbers
  std::string query_title = "query";               ///< above the left column
  std::string key_title = "key";                   ///< above the right one
  std::vector<std::string> head_names{};           ///< [map]; none: "head 0", …
  Filter heads{};                                  ///< which maps are drawn; a colour stays with its map
  Filter queries{};                                ///< which queries have a row
  Filter keys{};                                   ///< which keys have a row; all_but_first leaves a sink out
  std::optional<std::ptrdiff_t> query = {};        ///< the one token whose lines are drawn; none: all tokens
  SentenceFilter sentences = SentenceFilter::all;  ///< which lines of a pair of sentences
  std::ptrdiff_t sentence_boundary = 0;            ///< the first token of the second sentence
  double least_weight = .02;                       ///< smaller weights have no line
  double high = 1;                                 ///< the weight of an opaque line, as larger ones have
  Theme theme = Theme::light;                      ///< of paper or screen
};

namespace detail {

inline void check_head_view(const std::vector<Eigen::MatrixXd>& heads, const HeadViewOptions& options) {
  require<ShapeError>(!heads.empty(), "a view of no heads");
  const Eigen::Index queries = heads[0].rows(), keys = heads[0].cols();
  check_labels(options.query_tokens, queries, "query tokens");
  check_labels(options.key_tokens, keys, "key tokens");
  check_labels(options.head_names, static_cast<Eigen::Index>(heads.size()), "head names");
  if (options.query)
    require<ShapeError>(*options.query >= 0 && *options.query < queries, "query {} of {}", *options.query,
                        queries);
  if (options.sentences != SentenceFilter::all)
    require<ShapeError>(options.sentence_boundary > 0 && options.sentence_boundary < std::min(queries, keys),
                        "a second sentence that begins with token {} of {}", options.sentence_boundary,
                        std::min(queries, keys));
  require<ValueError>(options.least_weight >= 0, "least_weight = {} is below 0", options.least_weight);
  require<ValueError>(options.high > 0 && std::isfinite(options.high), "high = {} is not above 0",
                      options.high);
  for (std::size_t h = 0; h < heads.size(); ++h) {
    require<ShapeError>(heads[h].rows() == queries && heads[h].cols() == keys,
                        "head {} is {} x {}, head 0 is {} x {}", h, heads[h].rows(), heads[h].cols(), queries,
                        keys);
    for (Eigen::Index i = 0; i < queries; ++i)
      for (Eigen::Index j = 0; j < keys; ++j)
        require<ValueError>(!std::isinf(heads[h](i, j)) && !(heads[h](i, j) < 0),
                            "head {}, row {}, column {}: the weight is {}", h, i, j, heads[h](i, j));
  }
}

/// Whether a filter lets a pair of tokens through.
inline bool passes(SentenceFilter filter, bool query_in_b, bool key_in_b) {
  switch (filter) {
    case SentenceFilter::a_to_a:
      return !query_in_b && !key_in_b;
    case SentenceFilter::a_to_b:
      return !query_in_b && key_in_b;
    case SentenceFilter::b_to_a:
      return query_in_b && !key_in_b;
    case SentenceFilter::b_to_b:
      return query_in_b && key_in_b;
    default:
      return true;
  }
}

/// The lines of one figure, head by head.
class HeadView {
 public:
  HeadView(const std::vector<Eigen::MatrixXd>& heads, const HeadViewOptions& options)
      : heads_(heads),
        options_(options),
        shown_(kept(options.heads, static_cast<Eigen::Index>(heads.size()), "head")),
        query_rows_(kept(options.queries, heads[0].rows(), "query")),
        key_rows_(kept(options.keys, heads[0].cols(), "key")),
        opacity_(options.high) {
    require<ValueError>(!options.query || std::find(query_rows_.begin(), query_rows_.end(), *options.query) !=
                                              query_rows_.end(),
                        "query {} is selected, but the filter of queries leaves it out",
                        options.query.value_or(0));
    for (const std::ptrdiff_t head : shown_)
      short_names_.push_back(options.head_names.empty() ? fmt::format("{}", head)
                                                        : readable_line(name(head), 8));
  }

  std::string svg() {
    queries_ = names_of(options_.query_tokens, heads_[0].rows(), "query tokens");
    keys_ = names_of(options_.key_tokens, heads_[0].cols(), "key tokens");
    const bool strips = options_.query.has_value();
    double longest = 0;
    for (const std::string& words : short_names_) longest = std::max(longest, text_width(words, name_size));
    const bool turned = longest > square_pitch;
    TokenColumns columns({.title = options_.title,
                          .left_title = options_.query_title,
                          .right_title = options_.key_title,
                          .left = kept_of(queries_, query_rows_),
                          .right = kept_of(keys_, key_rows_),
                          .right_strip = strips ? square_pitch * static_cast<double>(shown_.size()) + 4 : 0,
                          .top_room = strips ? (turned ? longest : name_size) + 6 : 0,
                          .theme = options_.theme});
    if (strips) {
      mark_query(columns);
      name_strips(columns, turned);
    }
    for (std::size_t n = 0; n < shown_.size(); ++n) draw_head(columns, n);
    std::vector<LegendEntry> legend;
    for (const std::ptrdiff_t head : shown_) legend.push_back({name(head), stroke(head, 1)});
    return columns.document(
        Legend(legend), note(), "what heads attend to",
        fmt::format("{} of {} heads, {} queries to the left, {} keys to the right, {} lines.", shown_.size(),
                    heads_.size(), query_rows_.size(), key_rows_.size(), lines_));
  }

 private:
  // Of the strips of heads beside the keys, px.
  static constexpr double square = 7, square_pitch = 11, name_size = 8;

  std::string name(std::ptrdiff_t head) const {
    const auto h = static_cast<std::size_t>(head);
    return options_.head_names.empty() ? fmt::format("head {}", head) : options_.head_names[h];
  }
  Stroke stroke(std::ptrdiff_t head, double opacity) const {
    return category_stroke(static_cast<std::size_t>(head), 1.8, opacity, options_.theme);
  }
  /// How far the lines of the n-th head stand from the middle of a row, so that equal ones lie beside each
  /// other.
  double shift(const TokenColumns& columns, std::size_t n) const {
    const double middle = (static_cast<double>(shown_.size()) - 1) / 2;
    return (static_cast<double>(n) - middle) *
           std::min(2., .7 * columns.pitch() / static_cast<double>(shown_.size()));
  }
  bool is_drawn(Eigen::Index query, Eigen::Index key) const {
    if (options_.query && *options_.query != query) return false;
    return passes(options_.sentences, query >= options_.sentence_boundary, key >= options_.sentence_boundary);
  }

  void mark_query(TokenColumns& columns) const {
    const auto row = std::find(query_rows_.begin(), query_rows_.end(), *options_.query);
    const Point at = columns.at(0, row - query_rows_.begin());
    draw_mark(columns.svg(), at, {columns.svg().colours().text, 0}, 3);
  }
  double strip_x(const TokenColumns& columns, std::size_t n) const {
    return columns.x(1) + 2 + square_pitch * (static_cast<double>(n) + .5);
  }
  /// Which head a strip of squares is, above its first square.
  void name_strips(TokenColumns& columns, bool turned) const {
    for (std::size_t n = 0; n < short_names_.size(); ++n)
      columns.svg().text({strip_x(columns, n), columns.top() - (turned ? 2 : 2 + name_size / 2)},
                         short_names_[n],
                         {.size = name_size,
                          .anchor = turned ? Anchor::start : Anchor::middle,
                          .turn = turned ? -90. : 0.,
                          .colour = columns.svg().colours().quiet});
  }
  void draw_head(TokenColumns& columns, std::size_t n) {
    const std::ptrdiff_t head = shown_[n];
    const Eigen::MatrixXd& map = heads_[static_cast<std::size_t>(head)];
    for (std::size_t row = 0; row < query_rows_.size(); ++row)
      for (std::size_t key_row = 0; key_row < key_rows_.size(); ++key_row) {
        const Eigen::Index i = query_rows_[row], j = key_rows_[key_row];
        if (!is_drawn(i, j)) continue;
        const double weight = map(i, j);
        undefined_ += std::isnan(weight);
        if (!(weight > 0)) continue;
        const double opacity = opacity_.of(weight);
        if (options_.query) draw_square(columns, n, static_cast<std::ptrdiff_t>(key_row), opacity);
        if (weight < options_.least_weight) {
          ++omitted_;
          continue;
        }
        ++lines_;
        Point from = columns.at(0, static_cast<std::ptrdiff_t>(row)),
              to = columns.at(1, static_cast<std::ptrdiff_t>(key_row));
        from.y += shift(columns, n);
        to.y += shift(columns, n);
        draw_line(columns.svg(), from, to, stroke(head, opacity), title(head, i, j, weight));
      }
  }
  void draw_square(TokenColumns& columns, std::size_t n, std::ptrdiff_t key_row, double opacity) const {
    const double side = std::min(square, columns.pitch());
    draw_box(columns.svg(), {strip_x(columns, n) - side / 2, columns.y(key_row) - side / 2, side, side},
             stroke(shown_[n], 1).colour, opacity);
  }
  std::string title(std::ptrdiff_t head, Eigen::Index query, Eigen::Index key, double weight) const {
    return fmt::format("{}: {} \u2013 {}: {:.3g}", readable_line(name(head), 40),
                       readable_token(queries_[static_cast<std::size_t>(query)], 40),
                       readable_token(keys_[static_cast<std::size_t>(key)], 40), weight);
  }
  std::string note() const {
    std::vector<std::string> parts;
    if (const std::string opaque = opacity_.note(); !opaque.empty()) parts.push_back(opaque);
    if (omitted_ > 0)
      parts.push_back(fmt::format("{} weights below {:.3g} have no line", omitted_, options_.least_weight));
    const auto left_out = [&](const std::vector<Eigen::Index>& rows, Eigen::Index count, const char* what) {
      if (const Eigen::Index hidden = count - static_cast<Eigen::Index>(rows.size()); hidden > 0)
        parts.push_back(fmt::format("{} of {} {} are left out", hidden, count, what));
    };
    left_out(query_rows_, heads_[0].rows(), "queries");
    left_out(key_rows_, heads_[0].cols(), "keys");
    if (undefined_ > 0) parts.push_back(fmt::format("{} weights are undefined", undefined_));
    return joined_notes(parts);
  }

  const std::vector<Eigen::MatrixXd>& heads_;
  const HeadViewOptions& options_;
  std::vector<Eigen::Index> shown_, query_rows_, key_rows_;  ///< their numbers in the maps
  std::vector<std::string> queries_, keys_, short_names_;
  LineOpacity opacity_;
  std::size_t lines_ = 0, omitted_ = 0, undefined_ = 0;
};

}  // namespace detail

/// What several heads attend to (SVG), the attention-head view of BertViz (Vig, 2019): the queries as a
/// column to the left, the keys to the right, a line for each weight, as opaque as it is large (weight /
/// high, which a note says), a colour and dashes for each head. Of one selected query the keys also have a
/// strip of squares, one a head, below the head's number or name. For a pair of sentences `sentences` chooses
/// from which to which. Weights below `least_weight` have no line, and a note counts them, as it does
/// undefined ones (NaN). heads: [head] of [query x key]. A line takes about 150 bytes: select where there are
/// many.
/// @throws ShapeError no heads, heads of unlike shape, tokens or names of another number, a head, query or
/// boundary that is not there; ValueError a weight that is infinite or negative, naming head, row and column;
/// a `least_weight` or `high` that is none, a selected query that the filter of queries leaves out
inline std::string head_view(const std::vector<Eigen::MatrixXd>& heads, const HeadViewOptions& options = {}) {
  detail::check_head_view(heads, options);
  return detail::HeadView(heads, options).svg();
}

}  // namespace attnscope
