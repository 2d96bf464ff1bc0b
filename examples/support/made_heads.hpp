#pragma once
// Queries and keys of heads that are known: what long_context looks at where there is no file.
#include <attnscope/core/layout.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <string_view>
#include <vector>

/// What a head is made to look at. The ninth head is as the first, and so on.
enum class MadeHead {
  first_token,     ///< a sink
  previous_token,  ///< the token before its own
  near_tokens,     ///< itself and some ten tokens around it
  all_distances,   ///< falls as 1 / distance: as much at 8 to 15 tokens as at 4096 to 8191
  induction,       ///< what came after earlier copies of its own token; the text is 8 times the same
  few_keys,        ///< 8 tokens somewhere in the text, the same for every query
  first_and_near,  ///< half a sink, half near tokens
  diffuse,         ///< everything, nearly evenly
};

inline constexpr std::array<std::string_view, 8> made_head_names{
    "first token", "previous token", "near tokens",    "all distances",
    "induction",   "few keys",       "first and near", "diffuse"};

/// Queries [head, token, dim] and keys [key head, token, dim] of one text.
///
/// A key says everything of its token, in parts that a query may ask for: whether it is one of the few; where
/// it stands, as cosine and sine of its position at wavelengths from 2 tokens to more than the text, as
/// rotary embeddings do; and which token came before it, as a random code. The first key says only that it
/// is the first. A query asks for some of that and is 0 elsewhere, so that heads can share keys.
class MadeHeads {
 public:
  using Index = attnscope::Index;
  static constexpr Index least_dim = 64, repeats = 8, few = 8;

  /// tokens: at least 2; dim: at least least_dim; heads: a multiple of kv_heads. The same numbers for a seed.
  MadeHeads(Index tokens, Index heads, Index kv_heads, Index dim, std::uint64_t seed)
      : tokens_(tokens), dim_(dim), waves_(dim / 4 - 1), random_(seed) {
    for (Index word = 0; word < period(); ++word) codes_.push_back(random_code());
    for (Index i = 0; i < few; ++i)
      few_keys_.push_back(1 + static_cast<Index>(random_() % static_cast<std::uint64_t>(tokens - 1)));
    Matrix said(tokens, dim);
    for (Index token = 0; token < tokens; ++token) said.row(token) = key(token);
    for (const Index token : few_keys_) said(token, is_one_of_few) = 1;
    keys_.reserve(static_cast<std::size_t>(kv_heads * said.size()));
    for (Index head = 0; head < kv_heads; ++head) append(said, keys_);
    queries_.reserve(static_cast<std::size_t>(heads * said.size()));
    for (Index head = 0; head < heads; ++head) {
      for (Index token = 0; token < tokens; ++token)
        said.row(token) = std::sqrt(static_cast<double>(dim)) * query(kind(head), token);
      append(said, queries_);
    }
  }

  const std::vector<float>& queries() const { return queries_; }
  const std::vector<float>& keys() const { return keys_; }
  /// Token i is the same word as token i + period().
  Index period() const { return (tokens_ + repeats - 1) / repeats; }
  /// Drawn, so one may be there twice.
  const std::vector<Index>& few_keys() const { return few_keys_; }

  static MadeHead kind(Index head) { return static_cast<MadeHead>(head % std::ssize(made_head_names)); }
  static std::string_view name(Index head) { return made_head_names[static_cast<std::size_t>(kind(head))]; }

 private:
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Row = Eigen::RowVectorXd;

  // The parts of a key: two numbers, the waves, the code.
  static constexpr Index is_first = 0, is_one_of_few = 1, waves_at = 2;
  Index code_at() const { return waves_at + 2 * waves_; }

  /// Geometric, from a little more than 2 tokens to 4 texts: no two distances look alike.
  double ratio() const {
    return std::pow(4 * static_cast<double>(tokens_) / 2.2, 1 / static_cast<double>(waves_ - 1));
  }
  /// (cos, sin) of a position at the wavelengths from `shortest` on. The product of two positions' waves is
  /// the sum of cos(2 pi distance / wavelength): largest at distance 0, and less by some 1 for each
  /// wavelength that is shorter than the distance.
  Row waves(Index position, double shortest = 0) const {
    Row row = Row::Zero(dim_);
    double wavelength = 2.2;
    for (Index at = waves_at; at < code_at(); at += 2, wavelength *= ratio()) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(position) / wavelength;
      if (wavelength >= shortest) row.segment(at, 2) << std::cos(angle), std::sin(angle);
    }
    return row;
  }
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-52 - 1; }  // -1..1
  Row random_code() {
    Row row = Row::Zero(dim_);
    for (Index i = code_at(); i < dim_; ++i) row(i) = uniform();
    return row.normalized();
  }
  const Row& code(Index token) const { return codes_[static_cast<std::size_t>(token % period())]; }

  Row key(Index token) const {
    if (token == 0) return Row::Unit(dim_, is_first);
    return waves(token) + code(token - 1);
  }
  /// In units of the score: exp(1) is the factor between two keys of which one says what is asked for.
  Row query(MadeHead kind, Index token) {
    const double everything = std::log(static_cast<double>(tokens_));
    const Row first = Row::Unit(dim_, is_first);
    const Row near = 6 * waves(token, 30);
    switch (kind) {
      case MadeHead::first_token:
        return (everything + 2) * first + random_code();
      case MadeHead::previous_token:
        return 8 * waves(token - 1) + 99 * (token == 1 ? first : Row::Zero(dim_));
      case MadeHead::near_tokens:
        return near;
      case MadeHead::all_distances:  // exp(-strength x wavelengths below the distance) is near 1 / distance
        return 1.1 * std::log(ratio()) * waves(token, 6);
      case MadeHead::induction:
        return static_cast<double>(dim_ - code_at()) * .75 * code(token);
      case MadeHead::few_keys:
        return (everything + 1) * Row::Unit(dim_, is_one_of_few) + random_code();
      case MadeHead::first_and_near:  // near keys score near * near' at most, and there are some ten
        return near + (near.dot(waves(token)) + 2) * first;
      case MadeHead::diffuse:
        return 3 * random_code();
    }
    return {};
  }

  /// Every number a little off, as numbers of a model are.
  void append(const Matrix& rows, std::vector<float>& to) {
    for (Index i = 0; i < rows.size(); ++i)
      to.push_back(static_cast<float>(rows.data()[i] + .01 * uniform()));
  }

  Index tokens_, dim_, waves_;
  std::mt19937_64 random_;
  std::vector<Row> codes_;
  std::vector<Index> few_keys_;
  std::vector<float> queries_, keys_;
};
