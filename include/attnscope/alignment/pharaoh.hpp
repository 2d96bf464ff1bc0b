#pragma once
#include <attnscope/alignment/link.hpp>
#include <attnscope/core/utf8.hpp>

#include <charconv>
#include <string>
#include <string_view>

namespace attnscope {

/// What parse_pharaoh(), pharaoh_line() and pharaoh_text() take and write.
struct PharaohOptions {
  Index first = 0;             ///< 0 or 1: the number of the first word; some gold links count from 1
  Index most_words = 1000000;  ///< >= 0; a larger number is an error, not memory
  char possible = 'p';         ///< 'p' or '?', written between the words of a link that is possible only
};

namespace detail {

/// One entry of a line. Anything but NUMBER MARK NUMBER is an error.
class PharaohEntry {
 public:
  PharaohEntry(std::string_view text, const PharaohOptions& options) : options_(options) {
    const char* end = text.data() + text.size();
    const char* mark = number(text.data(), end, link_.source);
    require<ValueError>(mark != end && std::string_view("-p?").find(*mark) != std::string_view::npos, "{}",
                        expected);
    sure_ = *mark == '-';
    require<ValueError>(number(mark + 1, end, link_.target) == end, "{}", expected);
  }
  const Link& link() const { return link_; }
  bool sure() const { return sure_; }

 private:
  static constexpr const char* expected =
      "a link is SOURCE-TARGET, such as 0-1, or 0p1 or 0?1 where it is possible only";

  /// Where the number ends.
  const char* number(const char* begin, const char* end, Index& word) const {
    // from_chars would take a minus sign.
    require<ValueError>(begin != end && *begin >= '0' && *begin <= '9', "{}", expected);
    const auto [after, error] = std::from_chars(begin, end, word);
    require<ValueError>(error == std::errc{} && word <= options_.most_words,
                        "the number of a word is above {}", options_.most_words);
    require<ValueError>(word >= options_.first, "words are numbered from {}", options_.first);
    word -= options_.first;
    return after;
  }

  const PharaohOptions& options_;
  Link link_;
  bool sure_ = true;
};

/// Cuts the part up to the first of `separators` off the front of `text`.
inline std::string_view cut_front(std::string_view& text, std::string_view separators) {
  const std::size_t end = std::min(text.find_first_of(separators), text.size());
  const std::string_view front = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return front;
}

inline void check_pharaoh(const PharaohOptions& options) {
  require<ValueError>(options.most_words >= 0, "most_words = {} is negative", options.most_words);
  require<ValueError>(options.first == 0 || options.first == 1, "words are numbered from 0 or 1, not from {}",
                      options.first);
  require<ValueError>(options.possible == 'p' || options.possible == '?',
                      "a possible link is marked by p or ?, not by {}", options.possible);
}

/// number: of the line, from 1
inline GoldLinks parse_pharaoh_line(std::string_view line, std::size_t number,
                                    const PharaohOptions& options) {
  GoldLinks links;
  for (Index entry = 1; !line.empty();) {
    const std::string_view text = cut_front(line, " \t");
    if (text.empty()) continue;
    in_context(fmt::format("line {}, entry {}, \"{}\"", number, entry++, printable(text, 40)), [&] {
      const PharaohEntry parsed(text, options);
      (parsed.sure() ? links.sure : links.possible).push_back(parsed.link());
    });
  }
  return {distinct_links(std::move(links.sure)), distinct_links(std::move(links.possible))};
}

}  // namespace detail

/// Links of a corpus in the format of Pharaoh, Moses, fast_align, SimAlign and awesome-align: a line a
/// sentence pair, SOURCE-TARGET for each link, blanks between them, "0-0 1-2 1p3"; an empty line has no link.
/// Sure links have "-", possible ones "p" or "?"; links come out in order, each once. Lines end in LF or
/// CRLF, the last one with or without it.
/// @throws ValueError naming line and entry, both from 1, and the text (its first 40 characters): what is no
/// link, a number above most_words, or below `first`
inline std::vector<GoldLinks> parse_pharaoh(std::string_view text, const PharaohOptions& options = {}) {
  detail::check_pharaoh(options);
  std::vector<GoldLinks> sentences;
  while (!text.empty()) {
    std::string_view line = detail::cut_front(text, "\n");
    if (line.ends_with('\r')) line.remove_suffix(1);
    sentences.push_back(detail::parse_pharaoh_line(line, sentences.size() + 1, options));
  }
  return sentences;
}

/// One sentence pair as a line without its end, by source, then target: "0-0 1-2 1p3". A link that is both
/// sure and possible is written once, as sure. @throws ValueError a word that is negative, or whose number is
/// above most_words, naming the link
inline std::string pharaoh_line(const GoldLinks& links, const PharaohOptions& options = {}) {
  detail::check_pharaoh(options);
  struct Entry {
    Index source, target;
    char mark;
  };
  std::vector<Entry> entries;
  const auto add = [&](const std::vector<Link>& all, char mark) {
    for (const Link& link : all) {
      require<ValueError>(link.source >= 0 && link.target >= 0,
                          "the link of target {} and source {} is negative", link.target, link.source);
      require<ValueError>(std::max(link.source, link.target) <= options.most_words - options.first,
                          "the number of a word is above {}: target {}, source {}, counted from 0",
                          options.most_words, link.target, link.source);
      entries.push_back({link.source + options.first, link.target + options.first, mark});
    }
  };
  add(links.sure, '-');
  add(links.possible, options.possible);
  const auto tokens = [](const Entry& e) { return std::pair(e.source, e.target); };
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const Entry& a, const Entry& b) { return tokens(a) < tokens(b); });
  const auto same = [&](const Entry& a, const Entry& b) { return tokens(a) == tokens(b); };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  std::string line;
  for (const Entry& e : entries)
    line += fmt::format("{}{}{}{}", line.empty() ? "" : " ", e.source, e.mark, e.target);
  return line;
}
/// The same of links that were found, all of them sure.
inline std::string pharaoh_line(const std::vector<Link>& links, const PharaohOptions& options = {}) {
  return pharaoh_line(GoldLinks{links, {}}, options);
}

/// A corpus, a line a sentence pair: the inverse of parse_pharaoh. @throws what pharaoh_line throws, naming
/// the line
inline std::string pharaoh_text(const std::vector<GoldLinks>& sentences, const PharaohOptions& options = {}) {
  std::string text;
  for (std::size_t b = 0; b < sentences.size(); ++b)
    text +=
        in_context(fmt::format("line {}", b + 1), [&] { return pharaoh_line(sentences[b], options); }) + '\n';
  return text;
}

}  // namespace attnscope
