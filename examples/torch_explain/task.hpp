#pragma once
// Generated film reviews whose truth is known: what a right explanation points at is a fact here.
#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace reviews {

using Words = std::vector<std::string>;

/// "[CLS] honestly the hotel was lovely but the film was not very good [SEP]": a clause about a film and,
/// mostly, one about something else, in either order. The label is what is said of the film.
struct Review {
  Words tokens;
  int label = 0;  ///< 1: the film is praised
  std::vector<std::size_t>
      deciding;  ///< the tokens that make the label: the film's word, a negation, the opinion
  std::string text() const {
    std::string all;
    for (const std::string& token : tokens) all += (all.empty() ? "" : " ") + token;
    return all;
  }
};

namespace grammar {

inline const Words special{"[PAD]", "[CLS]", "[SEP]"},
    films{"film", "movie", "plot", "acting", "story", "script"},
    others{"weather", "hotel", "dinner", "train", "coffee", "traffic"}, articles{"the", "this", "that"},
    verbs{"was", "seemed", "felt", "looked"}, negations{"not", "never", "hardly"},
    intensifiers{"very", "really", "so", "quite", "truly"},
    praise{"good", "great", "lovely", "brilliant", "charming", "superb", "wonderful", "fine"},
    blame{"bad", "awful", "dull", "boring", "dreadful", "poor", "weak", "tedious"},
    openers{"honestly", "frankly", "well", "yesterday"}, joints{"but", "and", "while", "though"},
    tails{"today", "again", "overall", "indeed"};

inline const std::vector<const Words*> all{&special,      &films,  &others, &articles, &verbs,  &negations,
                                           &intensifiers, &praise, &blame,  &openers,  &joints, &tails};

}  // namespace grammar

/// All words; the index of a word is its number. 0 is padding.
inline Words make_vocabulary() {
  Words words;
  for (const Words* kind : grammar::all) words.insert(words.end(), kind->begin(), kind->end());
  return words;
}
inline const Words vocabulary = make_vocabulary();

/// @throws std::out_of_range no such word
inline std::int64_t number_of(const std::string& word) {
  const auto found = std::ranges::find(vocabulary, word);
  if (found == vocabulary.end()) throw std::out_of_range("the vocabulary has no word \"" + word + "\"");
  return found - vocabulary.begin();
}

/// Draws reviews; the same for the same seed on every machine.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : generator_(seed) {}

  Review review() {
    Review review;
    review.tokens = {"[CLS]"};
    if (chance(.4)) review.tokens.push_back(one_of(grammar::openers));
    const bool two = chance(.85), film_first = chance(.5);
    clause(review, !two || film_first);
    if (two) {
      review.tokens.push_back(one_of(grammar::joints));
      clause(review, !film_first);
    }
    if (chance(.3)) review.tokens.push_back(one_of(grammar::tails));
    review.tokens.push_back("[SEP]");
    return review;
  }
  std::vector<Review> reviews(std::size_t count) {
    std::vector<Review> all;
    while (all.size() < count) all.push_back(review());
    return all;
  }

 private:
  void clause(Review& review, bool about_film) {
    Words& tokens = review.tokens;
    const auto say = [&](const std::string& word, bool decides) {
      if (decides && about_film) review.deciding.push_back(tokens.size());
      tokens.push_back(word);
    };
    const bool praised = chance(.5), negated = chance(.4);
    say(one_of(grammar::articles), false);
    say(one_of(about_film ? grammar::films : grammar::others), true);
    say(one_of(grammar::verbs), false);
    if (negated) say(one_of(grammar::negations), true);
    if (chance(.5)) say(one_of(grammar::intensifiers), false);
    say(one_of(praised ? grammar::praise : grammar::blame), true);
    if (about_film) review.label = praised != negated ? 1 : 0;
  }
  bool chance(double share) { return static_cast<double>(generator_() >> 11) < share * 0x1p53; }
  const std::string& one_of(const Words& words) { return words[generator_() % words.size()]; }

  std::mt19937_64 generator_;
};

/// Reviews side by side, padded to the longest.
struct Batch {
  at::Tensor tokens;                  ///< [batch, token] numbers of words
  at::Tensor labels;                  ///< [batch]
  at::Tensor is_token;                ///< [batch, token], false in padding
  std::vector<std::int64_t> lengths;  ///< [batch]
};

inline Batch batch_of(const std::vector<Review>& reviews) {
  const auto count = static_cast<std::int64_t>(reviews.size());
  std::int64_t longest = 0;
  Batch batch;
  for (const Review& review : reviews)
    batch.lengths.push_back(static_cast<std::int64_t>(review.tokens.size()));
  if (count > 0) longest = std::ranges::max(batch.lengths);
  batch.tokens = at::zeros({count, longest}, at::kLong);
  batch.labels = at::zeros({count}, at::kLong);
  auto* token = batch.tokens.data_ptr<std::int64_t>();
  for (std::size_t b = 0; b < reviews.size(); ++b, token += longest) {
    std::ranges::transform(reviews[b].tokens, token, number_of);
    batch.labels.data_ptr<std::int64_t>()[b] = reviews[b].label;
  }
  batch.is_token = batch.tokens.ne(0);
  return batch;
}

}  // namespace reviews
