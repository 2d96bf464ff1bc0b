#pragma once
// The numbers of make_alignment.py, and what it computed them from.
#include <attnscope/alignment/links.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include <fstream>
#include <map>

#include "support/catch.hpp"

namespace attnscope::test {

/// Cross-attention of cipher_batch with its gold links.
struct Cipher {
  std::vector<AnyAttention<float>> layers;  ///< every token
  std::vector<AnyAttention<float>> words;   ///< without special ones
  std::vector<GoldLinks> gold;              ///< [batch]

  Cipher() {
    const Dump dump = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
    const auto special = metadata::strings(dump.metadata, "special_tokens");
    for (const auto& list : metadata::json(dump.metadata, "gold_alignment")) {
      GoldLinks& links = gold.emplace_back();
      for (const auto& pair : list) links.sure.push_back({pair.at(0).get<Index>(), pair.at(1).get<Index>()});
    }
    for (const DumpStack& stack : dump.stacks) {
      if (stack.name != "cross") continue;
      const ExcludedTokens excluded{positions(special, stack.queries.tokens),
                                    positions(special, stack.keys.tokens)};
      for (const DumpLayer& layer : stack.layers) {
        layers.push_back(std::get<AnyAttention<float>>(layer.attention));
        words.emplace_back(exclude_tokens(layers.back(), excluded));
      }
    }
  }

 private:
  static std::vector<std::vector<Index>> positions(const std::vector<std::string>& special,
                                                   const metadata::TokenLists& tokens) {
    std::vector<std::vector<Index>> all;
    for (const std::vector<std::string>& list : tokens) {
      all.emplace_back();
      for (std::size_t t = 0; t < list.size(); ++t)
        if (std::find(special.begin(), special.end(), list[t]) != special.end())
          all.back().push_back(static_cast<Index>(t));
    }
    return all;
  }
};

/// The reference number of a layer, head (-1: the mean over heads) and name.
inline double reference(Index layer, Index head, const std::string& name) {
  static const std::map<std::string, double> numbers = [] {
    std::map<std::string, double> all;
    std::ifstream file(ATTNSCOPE_TEST_DIR "/alignment/data/alignment.txt");
    for (std::string l, h, key, value; file >> l >> h >> key >> value;)
      all[l + " " + h + " " + key] = std::stod(value);
    return all;
  }();
  return numbers.at(fmt::format("{} {} {}", layer, head, name));
}

}  // namespace attnscope::test
