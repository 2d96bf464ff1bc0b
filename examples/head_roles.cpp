// head_roles [DUMP]: what every head of a dump does, and how the roles spread over the depth of the model.
#include <attnscope/core/tokens.hpp>
#include <attnscope/heads/patterns.hpp>
#include <attnscope/io/dump.hpp>

#include <cstdio>

namespace {

using namespace attnscope;

/// What JSON in the metadata says of each batch element; nothing without the key.
template <typename Value>
std::vector<std::vector<Value>> lists(const Dump& dump, const char* key) {
  const nlohmann::json value = metadata::json(dump.metadata, key);
  if (value.is_null()) return {};
  try {
    if (!value.empty() && !value.front().is_array()) return {value.get<std::vector<Value>>()};
    return value.get<std::vector<std::vector<Value>>>();
  } catch (const nlohmann::json::exception&) {
    throw FileError(fmt::format("metadata {}: should be a list of numbers a batch element", key));
  }
}

/// [token x dim] the true tokens of one batch element of [batch, token, dim], or [token, dim].
Eigen::MatrixXd embeddings_of(const RawTensor& tensor, const Layout& layout, Index element) {
  const auto shape = detail::dump::with_batch("input.embedding", tensor, 3);
  const Index first = layout.key_start(element), count = layout.keys(element);
  require<ShapeError>(shape[0] == layout.shape().batch && first + count <= shape[1],
                      "input.embedding is [{}], which are not the tokens of the attention",
                      fmt::join(shape, ", "));
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto numbers = detail::dump::as_weights<double>("input.embedding", tensor);
  return Eigen::Map<const Rows>(numbers.get() + (element * shape[1] + first) * shape[2], count, shape[2]);
}

/// [batch] what the dump says of the tokens of a stack; of `self` there is more than their strings.
/// embedding: input.embedding, or null.
std::vector<TokenFacts> token_facts(const Dump& dump, const DumpStack& stack, const RawTensor* embedding) {
  const bool self = stack.name == "self";
  const std::vector<std::string> special = metadata::strings(dump.metadata, "special_tokens");
  const auto heads = self ? lists<Index>(dump, "dependency_heads") : std::vector<std::vector<Index>>{};
  const auto frequencies =
      self ? lists<double>(dump, "token_frequencies") : std::vector<std::vector<double>>{};
  std::vector<TokenFacts> facts(stack.keys.tokens.size());
  for (std::size_t b = 0; b < facts.size(); ++b) {
    const std::vector<std::string>& tokens = stack.keys.tokens[b];
    facts[b].identities = identities_of(tokens);
    facts[b].delimiters.emplace();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool is_special = std::ranges::find(special, tokens[i]) != special.end();
      if (is_special) facts[b].special.push_back(static_cast<Index>(i));
      if (is_special || is_punctuation(tokens[i])) facts[b].delimiters->push_back(static_cast<Index>(i));
    }
    if (b < heads.size()) facts[b].dependency_heads = heads[b];
    if (b < frequencies.size()) facts[b].frequencies = frequencies[b];
    if (self && embedding)
      facts[b].embeddings = embeddings_of(*embedding, detail::dump::layout_of(stack.layers.front().attention),
                                          static_cast<Index>(b));
  }
  return facts;
}

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

void print_stack(const Dump& dump, const DumpStack& stack, const RawTensor* embedding) {
  fmt::print("{} {}\n{:>5} {:>4}  {:<16} {:>5} {:>8} {:>6}\n", dump.name, stack.name, "layer", "head", "role",
             "score", "baseline", "margin");
  const PatternOptions options{.self_attention = stack.self_attention};
  const std::vector<TokenFacts> facts = token_facts(dump, stack, embedding);
  Thirds thirds;
  for (std::size_t l = 0; l < stack.layers.size(); ++l) {
    const DumpLayer& layer = stack.layers[l];
    const auto act = [&](const auto& attention) { return patterns(attention, facts, options); };
    const PatternResult roles = std::visit(act, layer.attention);
    print_roles(layer, roles);
    for (const HeadPattern& head : roles.heads)
      ++thirds[head.label][3 * (2 * l + 1) / (2 * stack.layers.size())];
  }
  print_thirds(thirds);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace attnscope;
  try {
    const char* path = argc > 1 ? argv[1] : ATTNSCOPE_SHIPPED_DUMP;
    const Dump dump = read_dump(path);
    const TensorFile file = read_tensor_files({path});
    for (const DumpStack& stack : dump.stacks) print_stack(dump, stack, file.find("input.embedding"));
  } catch (const std::exception& error) {
    fmt::print(stderr, "head_roles: {}\n", error.what());
    return 1;
  }
}
