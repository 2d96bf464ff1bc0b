#pragma once
#include <attnscope/io/dump_statements.hpp>
#include <attnscope/io/layer_arrays.hpp>
#include <attnscope/io/layer_attention.hpp>
#include <attnscope/io/read_tensors.hpp>

#include <numeric>

namespace attnscope {

/// One layer of a stack, as the dump has it.
struct DumpLayer {
  Index index = 0;            ///< its number in the model, from 0
  RawTensors fields;          ///< "attention", "query", "key", … by name, as stored
  std::vector<Index> heads;   ///< the model's number of each head of `attention`
  LoadedAttention attention;  ///< stored weights, or those from queries and keys, under the stack's mask
  std::optional<LoadedAttention> gradient;             ///< d loss / d attention, of the same precision
  std::map<std::string, LoadedAttention> gradients{};  ///< by target: those of `attention_gradient.<target>`
};

/// How many heads share each key-value head, as far as the dump has keys or values: 1 without.
/// @throws ShapeError heads that cannot share them alike
inline Index heads_per_key_value(const DumpLayer& layer) {
  const Index heads = static_cast<Index>(layer.heads.size());
  for (const char* field : {"key", "value"}) {
    const auto found = layer.fields.find(field);
    if (found == layer.fields.end()) continue;
    const Index shared = detail::dump::with_batch(field, found->second, 4)[1];
    require<ShapeError>(heads % shared == 0, "{} heads cannot share the {} of {}", heads, field, shared);
    return heads / shared;
  }
  return 1;
}

/// One stack of layers: "self", or "encoder", "decoder", "cross", or a name of the model's own.
struct DumpStack {
  std::string name;               ///< "self"
  bool self_attention = true;     ///< token i is both query i + query_offset and key i, so that distances
                                  ///< have a meaning
  TokenAxis queries;              ///< those of self-attention the last of the keys
  TokenAxis keys;                 ///< [key]
  std::vector<DumpLayer> layers;  ///< in rising order; gaps are the dump's
};

/// The attention of one example or batch, read from a file: docs/dump.md has the format. The file is mapped
/// and the weights are read in place; they live as long as the dump, a copy of it, or a source taken from it.
struct Dump {
  std::string name;               ///< the file's, without folders
  Metadata metadata;              ///< as it stands in the file
  Index batch = 1;                ///< elements of the batch, of every stack
  std::vector<DumpStack> stacks;  ///< in the order self, encoder, decoder, cross, then by name
  RawTensors inputs;  ///< "embedding" and "embedding_gradient" [batch, token, dim], where the dump has them

  /// The value of `model` in the metadata, or nothing.
  std::optional<std::string> model() const {
    const std::string* text = metadata::text(metadata, "model");
    return text ? std::optional(*text) : std::nullopt;
  }
};

namespace detail::dump {

/// Cuts token lists that cover padding too down to the true tokens; count: [batch] how many those are.
inline void trim_tokens(const char* axis, TokenAxis& tokens, const std::vector<Index>& count, Index size) {
  if (tokens.tokens.empty()) return;
  require<ShapeError>(tokens.tokens.size() == count.size(), "{} lists of {} tokens for a batch of {}",
                      tokens.tokens.size(), axis, count.size());
  for (std::size_t b = 0; b < count.size(); ++b) {
    std::vector<std::string>& list = tokens.tokens[b];
    if (static_cast<Index>(list.size()) == count[b]) continue;
    require<ShapeError>(static_cast<Index>(list.size()) == size,
                        "batch element {}: {} {} tokens are named for {}", b, list.size(), axis, count[b]);
    const auto first = list.begin() + (tokens.starts.empty() ? 0 : tokens.starts[b]);
    list = std::vector<std::string>(first, first + count[b]);
  }
}

/// Token lists become those of the true tokens; the queries of a cache are the last tokens.
inline void settle_tokens(DumpStack& stack) {
  const auto fewer_keys = [](const DumpLayer& a, const DumpLayer& b) {
    return layout_of(a.attention).shape().keys < layout_of(b.attention).shape().keys;
  };
  const Layout& layout =
      layout_of(std::max_element(stack.layers.begin(), stack.layers.end(), fewer_keys)->attention);
  std::vector<Index> queries, keys;
  for (Index b = 0; b < layout.shape().batch; ++b) {
    queries.push_back(layout.queries(b));
    keys.push_back(layout.keys(b));
  }
  trim_tokens("key", stack.keys, keys, layout.shape().keys);
  if (!stack.self_attention) return trim_tokens("query", stack.queries, queries, layout.shape().queries);
  stack.queries.tokens = stack.keys.tokens;
  for (Index b = 0; b < static_cast<Index>(stack.queries.tokens.size()); ++b) {
    std::vector<std::string>& list = stack.queries.tokens[static_cast<std::size_t>(b)];
    std::vector<std::string> shown;
    for (Index i = 0; i < layout.queries(b); ++i)
      shown.push_back(layout.position(b, i) < layout.keys(b)
                          ? list[static_cast<std::size_t>(layout.position(b, i))]
                          : "");
    list = std::move(shown);
  }
}

/// [layer] the fields, [stack] the layers.
using Layers = std::map<Index, RawTensors>;
using Stacks = std::map<std::string, Layers>;

/// @throws FileError what check_statements refuses
inline void check_statements(const Dump& dump) {
  std::vector<StatedLayer> layers;
  for (const DumpStack& stack : dump.stacks)
    for (const DumpLayer& layer : stack.layers)
      layers.push_back({stack.name, fmt::format("{}.{}", stack.name, layer.index), &layer.fields});
  check_statements(dump.metadata, layers);
}

/// Whether any layer has weights, or queries and keys; a name may just look like <stack>.<layer>.<field>.
inline bool has_attention(const Layers& layers) {
  return std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    const RawTensors& fields = layer.second;
    return fields.contains("attention") || (fields.contains("query") && fields.contains("key"));
  });
}

inline DumpStack read_stack(const std::string& name, const Layers& layers, const Metadata& all) {
  const StackKind kind = kind_of(all, name);
  DumpStack stack{name, kind.self_attention, kind.queries, kind.keys, {}};
  for (const auto& [index, fields] : layers) {
    const std::string layer = fmt::format("{}.{}", name, index);
    in_context(layer, [&, i = index, &f = fields] {
      auto attention = attention_of(kind, all, layer, f);
      if (!attention) return;
      std::vector<Index> heads(static_cast<std::size_t>(layout_of(*attention).shape().heads));
      std::iota(heads.begin(), heads.end(), Index{0});
      DumpLayer& read =
          stack.layers.emplace_back(DumpLayer{i, f, std::move(heads), std::move(*attention), {}});
      for (const auto& [field, tensor] : f)
        if (field == gradient_field)
          read.gradient = gradient_of(read.attention, field, tensor);
        else if (const auto target = gradient_target(field))
          read.gradients.emplace(*target, gradient_of(read.attention, field, tensor));
    });
  }
  in_context(name, [&] { settle_tokens(stack); });
  return stack;
}

}  // namespace detail::dump

/// The dump made of these tensors and strings. name: for messages and the report.
/// @throws FileError, ShapeError naming stack, layer and field: a dtype that is no attention, axes that do
/// not fit, stacks of unlike batch sizes, metadata that is not what its key says, token lists that do not
/// fit, no attention at all; a statement about attention from queries and keys that nobody reads
inline Dump make_dump(std::string name, const RawTensors& tensors, Metadata all) {
  return in_context(name, [&] {
    detail::dump::Stacks fields;
    Dump dump{name, std::move(all), 1, {}, {}};
    for (const auto& [full_name, tensor] : tensors)
      if (const auto parsed = detail::parse_field_name(full_name))
        fields[parsed->stack][parsed->layer].emplace(parsed->field, tensor);
      else if (full_name.starts_with(detail::input_prefix))
        dump.inputs.emplace(full_name.substr(detail::input_prefix.size()), tensor);
    const auto take = [&](const std::string& stack) {
      const auto layers = fields.extract(stack);
      if (!layers.empty() && detail::dump::has_attention(layers.mapped()))
        dump.stacks.push_back(detail::dump::read_stack(stack, layers.mapped(), dump.metadata));
    };
    for (const char* usual : {"self", "encoder", "decoder", "cross"}) take(usual);
    while (!fields.empty()) take(std::string(fields.begin()->first));
    require<FileError>(
        !dump.stacks.empty(),
        "no attention: among {} tensors none is named <stack>.<layer>.attention, such as self.0.attention",
        tensors.size());
    const auto batch = [](const DumpLayer& layer) {
      return detail::dump::layout_of(layer.attention).shape().batch;
    };
    dump.batch = batch(dump.stacks.front().layers.front());
    for (const DumpStack& stack : dump.stacks)
      for (const DumpLayer& layer : stack.layers)
        require<ShapeError>(batch(layer) == dump.batch, "{}.{} has {} batch elements, but {}.{} has {}",
                            stack.name, layer.index, batch(layer), dump.stacks.front().name,
                            dump.stacks.front().layers.front().index, dump.batch);
    detail::dump::check_statements(dump);
    return dump;
  });
}

/// What the one who reads a dump knows better than its files.
struct ReadOptions {
  std::string stack = "self";  ///< what arrays without names of a dump are the attention of
  Metadata metadata{};         ///< what the files do not say, or say wrongly: it takes their place
};

/// Reads a dump that may be split over several files, of any format that read_tensors reads; a folder stands
/// for the files in it. Arrays that are not named as in a dump are taken as named_as_dump says. @throws what
/// make_dump, named_as_dump and read_tensor_files throw
inline Dump read_split_dump(const std::vector<std::filesystem::path>& paths,
                            const ReadOptions& options = {}) {
  require<FileError>(!paths.empty(), "no file to read a dump from");
  TensorFile file = read_tensor_files(paths);
  for (const auto& [key, text] : options.metadata) file.metadata.insert_or_assign(key, text);
  // "run/" names the folder run.
  const std::filesystem::path& first = paths.front();
  std::string name = (first.has_filename() ? first : first.parent_path()).filename().string();
  if (paths.size() > 1) name += fmt::format(" and {} more", paths.size() - 1);
  return make_dump(name, in_context(name, [&] { return named_as_dump(file.tensors, options.stack); }),
                   std::move(file.metadata));
}

/// Reads a dump from one file or folder. @throws what read_split_dump throws
inline Dump read_dump(const std::filesystem::path& path, const ReadOptions& options = {}) {
  return read_split_dump({path}, options);
}

}  // namespace attnscope
