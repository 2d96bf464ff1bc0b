// head_roles [DUMP]: what every head of a dump does, and how the roles spread over the depth of the model.
#include <attnscope/heads/patterns.hpp>
#include <attnscope/layers/progression.hpp>
#include <attnscope/report/known_tokens.hpp>

#include "support/program.hpp"

namespace {

using namespace attnscope;

/// A head each: its label, and how far it passes.
void print_roles(const DumpLayer& layer, const PatternResult& roles) {
  for (const HeadPattern& head : roles.heads) {
    fmt::print("{:>5} {:>4}  {:<16}", layer.index, layer.heads[static_cast<std::size_t>(head.head)],
               head.label);
    if (head.label != "none")
      fmt::print(" {:>5.2f} {:>8.2f} {:>6.2f}", head.score, head.baseline, head.margin);
    fmt::print("\n");
  }
}

using Thirds = std::map<std::string, std::array<int, 3>>;

void print_thirds(const Thirds& thirds) {
  fmt::print("\n{:<17} {:>6} {:>6} {:>6}   heads by third of depth\n", "role", "early", "middle", "late");
  for (const auto& [label, count] : thirds)
    fmt::print("{:<17} {:>6} {:>6} {:>6}\n", label, count[0], count[1], count[2]);
}

void print_stack(const Dump& dump, const DumpStack& stack) {
  fmt::print("{} {}\n{:>5} {:>4}  {:<16} {:>5} {:>8} {:>6}\n", dump.name, stack.name, "layer", "head", "role",
             "score", "baseline", "margin");
  const PatternOptions options{.self_attention = stack.self_attention};
  const std::vector<TokenFacts> facts = token_facts(dump, stack);
  Thirds thirds;
  Index depth = 0;
  for (const DumpLayer& layer : stack.layers) {
    const auto act = [&](const auto& attention) { return patterns(attention, facts, options); };
    const PatternResult roles = std::visit(act, layer.attention);
    print_roles(layer, roles);
    const Index third = third_of_depth(depth++, static_cast<Index>(stack.layers.size()));
    for (const HeadPattern& head : roles.heads) ++thirds[head.label][static_cast<std::size_t>(third)];
  }
  print_thirds(thirds);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "What every head does, by the pattern that stands out most, and how roles spread over the depth.");
  std::string path = ATTNSCOPE_SHIPPED_DUMP;
  app.name("head_roles");
  app.add_option("DUMP", path, "A dump (docs/dump.md). Without one, the dump that ships with attnscope");
  return run_program(app, argc, argv, [&] {
    const attnscope::Dump dump = attnscope::read_dump(path);
    for (const attnscope::DumpStack& stack : dump.stacks) print_stack(dump, stack);
  });
}
