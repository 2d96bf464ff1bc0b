#pragma once
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace attnscope::test {

/// The lines of make_corpus.py that begin with these words: what follows them.
inline std::vector<std::vector<std::string>> reference_lines(const std::vector<std::string>& beginning) {
  std::ifstream file(ATTNSCOPE_TEST_DIR "/corpus/data/corpus.txt");
  std::vector<std::vector<std::string>> lines;
  for (std::string text; std::getline(file, text);) {
    std::istringstream words(text);
    std::vector<std::string> line;
    for (std::string word; std::getline(words, word, '\t');) line.push_back(word);
    const auto after = static_cast<std::ptrdiff_t>(beginning.size());
    if (std::vector<std::string>(line.begin(), line.begin() + after) == beginning)
      lines.emplace_back(line.begin() + after, line.end());
  }
  return lines;
}

}  // namespace attnscope::test
