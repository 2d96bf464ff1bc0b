// A file of tokens, and what is read off tokens of any bytes: words, subwords, punctuation, labels.
#include <attnscope/core/tokens.hpp>
#include <attnscope/io/metadata.hpp>
#include <attnscope/io/token_file.hpp>

#include "fuzz/fuzz.hpp"
#include "support/temporary_folder.hpp"

using attnscope::Subwords;

void read_words(const std::vector<std::string>& tokens) {
  attnscope::guess_subwords(tokens);
  for (const std::string& token : tokens) attnscope::is_punctuation(token);
  for (const Subwords convention : {Subwords::word_piece, Subwords::sentence_piece, Subwords::byte_level}) {
    const std::vector<std::string> special(tokens.begin(), tokens.begin() + (tokens.empty() ? 0 : 1));
    const auto words = attnscope::word_index(tokens, convention, special);
    const auto texts = attnscope::word_texts(tokens, words, convention);
    fuzz::expect(static_cast<Eigen::Index>(texts.size()) == attnscope::count_words(words),
                 "other words than counted");
  }
}
void run(FuzzedDataProvider& data) {
  static const attnscope::test::TemporaryFolder folder;
  const bool json = data.ConsumeBool();
  const std::filesystem::path path = folder / (json ? "tokens.json" : "tokens.txt");
  const std::string content = fuzz::rest_text(data);
  std::filesystem::remove(path);  // some file systems wait for the disk where a file is written again
  attnscope::test::write_text(path, content);
  fuzz::expect(attnscope::encode_utf8(attnscope::decode_utf8(attnscope::printable(content, 40))) ==
                   attnscope::printable(content, 40),
               "printable text is no UTF-8");
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < content.size(); at = std::min(content.find('\n', at), content.size()) + 1)
    lines.push_back(content.substr(at, content.find('\n', at) - at));
  read_words(lines);
  const std::string text = attnscope::read_tokens(path);
  if (json) return fuzz::expect(text == content, "the text of a JSON file is another");
  const auto lists =
      attnscope::metadata::token_lists("tokens", attnscope::metadata::json({{"tokens", text}}, "tokens"));
  // Written again, a token a line, they are the same lists.
  std::string again;
  for (const auto& list : lists) {
    for (const std::string& token : list) again += token + "\r\n";
    again += "\n";
  }
  if (again.size() <= 1) return;
  std::filesystem::remove(path);
  attnscope::test::write_text(path, again);
  fuzz::expect(attnscope::read_tokens(path) == text, "tokens are others after writing and reading");
}
std::vector<std::string> seeds() {
  return {std::string("[CLS]\nplay\n##ing\n\n\xe2\x96\x81the\r\n<0xE2>\n") + '\0',
          std::string("\xc4\xa0play\ning\n\xc3\xa2\xc4\xa2\xc4\xb6") + '\0',
          std::string("\n\n\na\n\n\n") + '\0', std::string(R"([["a"],["b"]])") + '\1'};
}
const fuzz::Register registered("tokens", run, seeds);
