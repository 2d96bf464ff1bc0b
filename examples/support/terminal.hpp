#pragma once
// What a stream can show, and tables and bars for it.
#include <fmt/format.h>
#include <attnscope/core/utf8.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What may be written to a stream beside plain text.
struct Terminal {
  enum class Colours { none, palette, truecolour };
  Colours colours = Colours::none;
  int width = 0;  ///< columns; 0: no terminal
};

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Colours on a terminal alone; none where NO_COLOR is not empty (https://no-color.org) or the terminal is
/// dumb.
inline Terminal terminal_of(std::FILE* stream) {
  Terminal terminal;
  if (::isatty(::fileno(stream)) == 0) return terminal;
  ::winsize size{};
  terminal.width = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  if (!environment("NO_COLOR").empty() || environment("TERM") == "dumb") return terminal;
  const std::string depth = environment("COLORTERM");
  terminal.colours =
      depth == "truecolor" || depth == "24bit" ? Terminal::Colours::truecolour : Terminal::Colours::palette;
  return terminal;
}

/// The text in the colour of a level 0..1, from blue to orange: of a middle lightness, so that it can be read
/// on a light ground and on a dark one, and no matter of red against green. NaN: as it is.
inline std::string coloured(const Terminal& terminal, const std::string& text, double level) {
  if (terminal.colours == Terminal::Colours::none || std::isnan(level) || text.empty()) return text;
  level = std::clamp(level, 0., 1.);
  if (terminal.colours == Terminal::Colours::palette) {
    // Of the 6 x 6 x 6 colours, as near to the others as there are.
    constexpr int ramp[] = {63, 69, 103, 139, 173, 172, 208};
    return fmt::format("\033[38;5;{}m{}\033[39m", ramp[std::lround(level * 6)], text);
  }
  const auto between = [&](double low, double high) { return std::lround(low + level * (high - low)); };
  return fmt::format("\033[38;2;{};{};{}m{}\033[39m", between(80, 235), between(110, 125), between(230, 30),
                     text);
}

/// Columns that a character takes: none if it joins the one before, two of East Asian scripts and pictures.
inline int columns_of(char32_t code) {
  const auto within = [&](char32_t first, char32_t last) { return code >= first && code <= last; };
  if (within(0x300, 0x36F) || within(0x200B, 0x200F) || within(0xFE00, 0xFE0F)) return 0;
  return within(0x1100, 0x115F) || within(0x2E80, 0xA4CF) || within(0xAC00, 0xD7A3) ||
                 within(0xF900, 0xFAFF) || within(0xFE30, 0xFE6F) || within(0xFF00, 0xFF60) ||
                 within(0x1F300, 0x1FAFF) || within(0x20000, 0x3FFFD)
             ? 2
             : 1;
}
/// Columns that text without control characters takes.
inline std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (const char32_t code : attnscope::decode_utf8(text))
    columns += static_cast<std::size_t>(columns_of(code));
  return columns;
}

/// One character for each level 0..1, ▁ to █; a space for NaN. As many colours as there are runs of a level.
inline std::string bars(const Terminal& terminal, const std::vector<double>& levels) {
  std::string text;
  for (const double level : levels) {
    if (std::isnan(level)) {
      text += ' ';
      continue;
    }
    const double within = std::clamp(level, 0., 1.);
    std::string bar;
    attnscope::append_utf8(bar, U'▁' + static_cast<char32_t>(std::min(7., std::floor(within * 8))));
    text += coloured(terminal, bar, within);
  }
  return text;
}

/// A table of aligned columns, each as wide as its widest cell.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = true;  ///< numbers
  };
  struct Cell {
    std::string text{};          ///< UTF-8; control characters are replaced
    double level = NAN;          ///< 0..1, for its colour
    std::vector<double> bars{};  ///< levels, in place of a text
  };

  using Row = std::vector<Cell>;

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {
    for (const Column& column : columns_) widths_.push_back(columns_of(column.title));
  }
  void add(Row row) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      row[c].text = attnscope::printable(row[c].text, row[c].text.size());
      widths_[c] = std::max(widths_[c], columns_of(row[c]));
    }
    rows_.push_back(std::move(row));
  }
  /// One more column on the right, a cell for each row.
  void extend(Column column, std::vector<Cell> cells) {
    widths_.push_back(columns_of(column.title));
    columns_.push_back(std::move(column));
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      widths_.back() = std::max(widths_.back(), columns_of(cells[r]));
      rows_[r].push_back(std::move(cells[r]));
    }
  }
  /// Columns of the whole table.
  std::size_t width() const {
    std::size_t width = 2 * (widths_.size() - 1);
    for (const std::size_t column : widths_) width += column;
    return width;
  }
  std::string text(const Terminal& terminal) const {
    Row titles;
    for (const Column& column : columns_) titles.push_back({column.title});
    std::string text = line(terminal, titles);
    for (const Row& row : rows_) text += line(terminal, row);
    return text;
  }

 private:
  static std::size_t columns_of(const std::string& text) { return ::columns_of(std::string_view(text)); }
  static std::size_t columns_of(const Cell& cell) {
    return cell.bars.empty() ? columns_of(cell.text) : cell.bars.size();
  }
  std::string line(const Terminal& terminal, const Row& row) const {
    std::string line;
    std::size_t blank = 0;  // spaces that stand before the next cell, and at the end of a line not at all
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::size_t room = widths_[c] - columns_of(row[c]);
      if (columns_[c].right) blank += room;
      if (columns_of(row[c]) > 0) line.append(std::exchange(blank, 0), ' ');
      line +=
          row[c].bars.empty() ? coloured(terminal, row[c].text, row[c].level) : bars(terminal, row[c].bars);
      blank += 2 + (columns_[c].right ? 0 : room);
    }
    return line + "\n";
  }

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<Row> rows_;
};
