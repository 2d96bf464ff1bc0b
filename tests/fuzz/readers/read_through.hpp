#pragma once
#include <attnscope/heads/entropy.hpp>
#include <attnscope/io/dump_inputs.hpp>
#include <attnscope/io/dump_values.hpp>

#include "fuzz/fuzz.hpp"

namespace fuzz {

/// A list of tokens a batch element, as many as its mask says are true.
inline void check_tokens(const attnscope::metadata::TokenLists& tokens, std::ptrdiff_t batch) {
  expect(tokens.empty() || static_cast<std::ptrdiff_t>(tokens.size()) == batch,
         "token lists for another batch");
}

/// Everything that a dump which was accepted can be asked for. What a part does not fit may be refused.
inline void read_through(const attnscope::Dump& dump) {
  using namespace attnscope;
  for (const DumpStack& stack : dump.stacks) {
    check_tokens(stack.queries.tokens, dump.batch);
    check_tokens(stack.keys.tokens, dump.batch);
    for (const DumpLayer& layer : stack.layers) {
      const auto entropies = [](const auto& attention) { return entropy(attention, {}, {.threads = 1}); };
      const auto measured = accepted([&] { return std::visit(entropies, layer.attention); });
      expect(!measured || measured->queries == 0 || measured->entropies.minCoeff() >= -1e-6,
             "a negative entropy");
      accepted([&] { return heads_per_key_value(layer); });
      accepted([&] { return layer_values(dump, stack, layer).has_value(); });
    }
  }
  accepted([&] { return input_embedding(dump).has_value(); });
  accepted([&] { return input_gradient(dump).has_value(); });
  for (const std::string& target : input_gradient_targets(dump))
    accepted([&] { return input_gradient(dump, target).has_value(); });
}

}  // namespace fuzz
