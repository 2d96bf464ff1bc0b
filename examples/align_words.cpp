// align_words [DUMP]: which words of a source text and its translation belong together, by cross-attention.
#include <attnscope/alignment/pharaoh.hpp>
#include <attnscope/figure/token_links.hpp>
#include <attnscope/report/stack_alignment.hpp>

#include <array>

#include "support/program.hpp"

namespace {

using namespace attnscope;

struct Options {
  std::string stack = "cross", svg, pharaoh;
  LinkMethod method = LinkMethod::target_argmax;
  std::optional<Index> layer, head;  ///< none: the head that aligns best
  Index element = 0;
};

const std::map<std::string, LinkMethod> methods{{"target_argmax", LinkMethod::target_argmax},
                                                {"source_argmax", LinkMethod::source_argmax},
                                                {"intersection", LinkMethod::intersection},
                                                {"union", LinkMethod::union_of_both},
                                                {"grow_diag", LinkMethod::grow_diag},
                                                {"grow_diag_final", LinkMethod::grow_diag_final},
                                                {"grow_diag_final_and", LinkMethod::grow_diag_final_and},
                                                {"itermax", LinkMethod::itermax},
                                                {"mutual_threshold", LinkMethod::mutual_threshold},
                                                {"assignment", LinkMethod::assignment}};

/// What is linked: a head, its maps' links, and what people say.
struct Alignment {
  HeadId head;  ///< the layer counted within the stack
  bool by_error_rate = false;
  std::vector<AlignmentLinks> links;  ///< [batch]
  std::vector<GoldLinks> gold;        ///< [batch], or empty
};

HeadScores scores_of(const std::vector<LoadedAttention>& layers, const std::vector<GoldLinks>& gold) {
  HeadScores scores;
  for (const LoadedAttention& layer : layers) {
    const auto score = [&](const auto& attention) -> Eigen::VectorXd {
      if (gold.empty()) return alignment_score(alignment_metrics(attention));
      return -error_rate(attention, gold).error_rate;
    };
    scores.push_back(std::visit(score, layer));
  }
  return scores;
}

/// The head that is asked for; of all that fit, the best.
HeadId chosen_head(const DumpStack& stack, const HeadScores& scores, const Options& options) {
  for (const RankedHead& ranked : ranked_heads(scores, BestScore::highest)) {
    const Index layer = stack.layers[static_cast<std::size_t>(ranked.id.layer)].index;
    if (layer == options.layer.value_or(layer) && ranked.id.head == options.head.value_or(ranked.id.head))
      return ranked.id;
  }
  std::vector<std::string> shape;
  for (std::size_t l = 0; l < scores.size(); ++l)
    shape.push_back(fmt::format("{} heads in layer {}", scores[l].size(), stack.layers[l].index));
  const auto asked = [](const char* what, const std::optional<Index>& number) {
    return number ? fmt::format(" {} {}", what, *number) : "";
  };
  throw ValueError(fmt::format("{} has no{}{}, but {}", stack.name, asked("layer", options.layer),
                               asked("head", options.head), fmt::join(shape, ", ")));
}

Alignment align(const Dump& dump, const DumpStack& stack, const Options& options) {
  require<ValueError>(!stack.self_attention, "{} is self-attention, which aligns nothing", stack.name);
  const std::vector<LoadedAttention> layers = content_layers(dump, stack);
  Alignment result{{}, false, {}, gold_links(dump, stack)};
  result.by_error_rate = !result.gold.empty();
  result.head = chosen_head(stack, scores_of(layers, result.gold), options);
  result.links = links_of_head(layers, result.head, {.method = options.method});
  return result;
}

std::vector<std::string> words(const metadata::TokenLists& tokens, Index element, Index count) {
  if (!tokens.empty()) return tokens[static_cast<std::size_t>(element)];
  std::vector<std::string> numbers;
  for (Index i = 0; i < count; ++i) numbers.push_back(fmt::format("{}", i));
  return numbers;
}

/// Both texts, the source to the left; right, wrong and missing links where people have said what is right.
std::string picture(const Alignment& alignment, const Options& options, const std::string& title,
                    const std::vector<std::string>& sources, const std::vector<std::string>& targets) {
  const auto element = static_cast<std::size_t>(options.element);
  const AlignmentLinksOptions drawing{.title = title};
  const std::vector<Link>& links = alignment.links[element].links;
  return alignment.gold.empty() ? alignment_links(sources, targets, links, drawing)
                                : alignment_links(sources, targets, links, alignment.gold[element], drawing);
}

void print_links(const Alignment& alignment, Index element, const std::vector<std::string>& sources,
                 const std::vector<std::string>& targets) {
  const AlignmentLinks& links = alignment.links[static_cast<std::size_t>(element)];
  fmt::print("{:>16}  {:<16} {:>10}\n", "source", "target", "confidence");
  for (const Link& link : links.links)
    fmt::print("{:>16}  {:<16} {:>10.2f}\n", sources[static_cast<std::size_t>(link.source)],
               targets[static_cast<std::size_t>(link.target)], link.confidence);
  const auto list = [](const char* side, const std::vector<Index>& tokens,
                       const std::vector<std::string>& names) {
    if (tokens.empty()) return;
    fmt::print("without a link in the {}:", side);
    for (const Index token : tokens) fmt::print(" {}", names[static_cast<std::size_t>(token)]);
    fmt::print("\n");
  };
  list("source", links.unaligned_sources, sources);
  list("target", links.unaligned_targets, targets);
}

void print_scores(const Alignment& alignment, const Layout& layout) {
  LinkTally tally;
  for (std::size_t b = 0; b < alignment.gold.size(); ++b) {
    const Index element = static_cast<Index>(b);
    tally.add(alignment.links[b].links, alignment.gold[b], layout.queries(element), layout.keys(element));
  }
  const LinkScores scores = tally.scores();
  fmt::print(
      "\nagainst gold links of {} sentence pairs: precision {:.3f}, recall {:.3f}, error rate {:.3f}\n",
      tally.sentences(), scores.precision, scores.recall, scores.error_rate);
}

void write_pharaoh(const Alignment& alignment, const std::string& path) {
  std::vector<GoldLinks> sentences;
  for (const AlignmentLinks& links : alignment.links) sentences.push_back({links.links, {}});
  write_file_atomically(path, pharaoh_text(sentences));
  fmt::print("{}\n", path);
}

void run(const std::string& path, const Options& options) {
  const Dump dump = read_dump(path);
  const DumpStack& stack = stack_of(dump, options.stack);
  in_context(dump.name, [&] {
    require<ShapeError>(options.element < dump.batch, "batch element {} of {}", options.element, dump.batch);
    const Alignment alignment = align(dump, stack, options);
    const DumpLayer& layer = stack.layers[static_cast<std::size_t>(alignment.head.layer)];
    const Layout& layout = detail::dump::layout_of(layer.attention);
    const auto sources = words(stack.keys.tokens, options.element, layout.keys(options.element));
    const auto targets = words(stack.queries.tokens, options.element, layout.queries(options.element));
    const std::string head =
        fmt::format("{} layer {}, head {}", stack.name, layer.index, alignment.head.head);
    fmt::print("{}: {}{}, sentence pair {} of {}\n\n", dump.name, head,
               options.layer && options.head ? ""
               : alignment.by_error_rate     ? " (the lowest error rate)"
                                             : " (the most like an alignment)",
               options.element, dump.batch);
    print_links(alignment, options.element, sources, targets);
    if (!alignment.gold.empty()) print_scores(alignment, layout);
    if (!options.pharaoh.empty()) write_pharaoh(alignment, options.pharaoh);
    if (options.svg.empty()) return;
    write_svg(options.svg, picture(alignment, options, head, sources, targets));
    fmt::print("{}\n", options.svg);
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Which tokens of a source text and its translation belong together, by cross-attention.");
  std::string path = ATTNSCOPE_SHIPPED_TRANSLATION;
  Options options;
  app.name("align_words");
  app.add_option("DUMP", path,
                 "A dump with cross-attention (docs/dump.md). Without one, the translations that ship with "
                 "attnscope");
  app.add_option("--stack", options.stack, "The stack to align by")->capture_default_str();
  app.add_option("--layer", options.layer, "Only heads of this layer")->check(CLI::NonNegativeNumber);
  app.add_option("--head", options.head, "Only this head of each layer")->check(CLI::NonNegativeNumber);
  app.add_option("--method", options.method, "How links are made of weights (docs/links.md)")
      ->transform(CLI::CheckedTransformer(methods).description(""))
      ->default_str("target_argmax");
  app.add_option("--element", options.element, "The sentence pair to show")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--svg", options.svg, "File for the picture of this pair");
  app.add_option("--pharaoh", options.pharaoh, "File for the links of all pairs, a line each: 0-0 1-2");
  app.footer(
      "The head is the one with the lowest error rate against the dump's gold_alignment, else the one most "
      "like "
      "an alignment; special tokens are left out.\n"
      "Examples:\n"
      "  align_words --element 3 --svg links.svg        the translations that ship with attnscope\n"
      "  align_words my.safetensors --layer 5 --method grow_diag_final_and --pharaoh links.txt\n");
  return run_program(app, argc, argv, [&] { run(path, options); });
}
