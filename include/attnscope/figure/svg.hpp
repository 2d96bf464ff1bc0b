#pragma once
#include <attnscope/core/atomic_file.hpp>
#include <attnscope/core/utf8.hpp>
#include <attnscope/figure/theme.hpp>

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace attnscope {

/// A place in a figure, in px; y grows downwards.
struct Point {
  double x = 0;  ///< px from the left
  double y = 0;  ///< px from the top
};

/// A rectangle of a figure, in px.
struct Box {
  double left = 0;    ///< px from the left
  double top = 0;     ///< px from the top
  double width = 0;   ///< px
  double height = 0;  ///< px

  /// Its right edge.
  double right() const { return left + width; }
  /// Its lower edge.
  double bottom() const { return top + height; }
  /// Its middle.
  Point centre() const { return {left + width / 2, top + height / 2}; }
};

/// The end of a text, or its middle, that lies on its point.
enum class Anchor { start, middle, end };

/// How a text looks.
struct TextStyle {
  double size = 11;                   ///< px
  Anchor anchor = Anchor::start;      ///< what of it lies on its point
  double turn = 0;                    ///< degrees about its point, clockwise; -90 reads upwards
  bool bold = false;                  ///< else as the others
  std::optional<Colour> colour = {};  ///< by default that of the theme's text
};

/// The size of a figure in px, and the words that a screen reader says for it.
struct Page {
  double width = 0;              ///< px
  double height = 0;             ///< px
  std::string title = {};        ///< the name of the figure, a pointer's tooltip
  std::string description = {};  ///< what it shows, in a sentence
};

namespace detail {

/// What XML 1.0 forbids or leaves to be misread: control characters, the two non-characters, and the marks
/// that turn the direction of the text around them.
inline bool is_unfit_for_xml(char32_t code) {
  const auto within = [&](char32_t first, char32_t last) { return first <= code && code <= last; };
  const bool control = (code < 0x20 && code != U'\t' && code != U'\n') || within(0x7F, 0x9F);
  return control || within(0xFFFE, 0xFFFF) || within(0x202A, 0x202E) || within(0x2066, 0x2069);
}

}  // namespace detail

/// `text` as it may stand in XML, in an element or between quotes of either kind: & < > " ' escaped; control
/// characters, directional overrides and malformed UTF-8 replaced by U+FFFD.
inline std::string xml_text(std::string_view text) {
  std::string safe;
  for (const char32_t code : decode_utf8(text)) {
    switch (code) {
      case U'&':
        safe += "&amp;";
        break;
      case U'<':
        safe += "&lt;";
        break;
      case U'>':
        safe += "&gt;";
        break;
      case U'"':
        safe += "&quot;";
        break;
      case U'\'':
        safe += "&#39;";
        break;
      default:
        append_utf8(safe, detail::is_unfit_for_xml(code) ? replacement_character : code);
    }
  }
  return safe;
}

/// A coordinate, rounded to two decimals and printed without needless ones: "12", "0.5", "3.33".
inline std::string svg_number(double value) {
  // Adding zero turns -0 into 0.
  return fmt::format("{}", std::round(value * 100) / 100 + 0.0);
}

/// An SVG picture, element by element, painted in the order of the calls.
///
/// Only presentation attributes, no style sheet, script or link, so that every viewer and converter shows the
/// same. What is written is the same to the byte on every machine, whatever its locale.
class Svg {
 public:
  /// An empty picture.
  explicit Svg(Theme theme = Theme::light) : theme_(theme) {}

  /// Whose colours it has.
  Theme theme() const { return theme_; }
  /// Those of its theme.
  ThemeColours colours() const { return theme_colours(theme_); }

  /// A filled box without an outline.
  void rectangle(const Box& box, Colour fill) { markup("<rect {} fill=\"{}\"/>\n", place(box), hex(fill)); }

  /// A stroke of 1 px around the box, just outside of it.
  void frame(const Box& box, Colour colour) {
    const Box around{box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1};
    markup("<rect {} fill=\"none\" stroke=\"{}\"/>\n", place(around), hex(colour));
  }

  /// A stroke of 1 px along a path in SVG's own notation, such as "M0 0h3".
  void path(std::string_view data, Colour colour) {
    markup("<path d=\"{}\" fill=\"none\" stroke=\"{}\"/>\n", data, hex(colour));
  }

  /// One line of text, escaped by `xml_text`. Half of its height lies on either side of its point.
  void text(Point at, std::string_view words, const TextStyle& style = {}) {
    const std::string x = svg_number(at.x), y = svg_number(at.y);
    // Not dominant-baseline: many converters do not know it.
    markup("<text x=\"{}\" y=\"{}\" dy=\".35em\" font-size=\"{}\"", x, y, svg_number(style.size));
    if (style.anchor != Anchor::start) {
      markup(" text-anchor=\"{}\"", style.anchor == Anchor::middle ? "middle" : "end");
    }
    if (style.colour) markup(" fill=\"{}\"", hex(*style.colour));
    if (style.bold) markup(" font-weight=\"bold\"");
    if (style.turn != 0) markup(" transform=\"rotate({} {} {})\"", svg_number(style.turn), x, y);
    markup(">{}</text>\n", xml_text(words));
  }

  /// SVG as it stands, for what is drawn in a way of its own.
  template <typename... Args>
  void markup(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(body_), format, std::forward<Args>(args)...);
  }

  /// The whole document, on the background of the theme.
  std::string document(const Page& page) const {
    const std::string width = svg_number(page.width), height = svg_number(page.height);
    // Text is black unless something says otherwise, and every other shape says what its colour is.
    const std::string ink = theme_ == Theme::light ? "" : fmt::format(" fill=\"{}\"", hex(colours().text));
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "role=\"img\" font-family=\"sans-serif\"{5}>\n<title>{2}</title>\n<desc>{3}</desc>\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"{6}\"/>\n{4}</svg>\n",
        width, height, xml_text(page.title), xml_text(page.description), body_, ink,
        hex(colours().background));
  }

 private:
  static std::string place(const Box& box) {
    return fmt::format("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", svg_number(box.left),
                       svg_number(box.top), svg_number(box.width), svg_number(box.height));
  }

  Theme theme_;
  std::string body_;
};

/// Writes the picture to `path`: whole, or not at all. @throws FileError with the path and the reason
inline void write_svg(const std::filesystem::path& path, std::string_view svg) {
  write_file_atomically(path, svg);
}

}  // namespace attnscope
