#pragma once
#include <attnscope/corpus/block_tree.hpp>
#include <attnscope/corpus/corpus_run.hpp>
#include <attnscope/corpus/corpus_statistics.hpp>
#include <attnscope/io/metadata.hpp>
#include <attnscope/io/safetensors.hpp>
#include <attnscope/io/write_safetensors.hpp>

namespace attnscope {

/// A part of a run over a corpus, as a shard makes it: some blocks of its list.
struct CorpusPartial {
  CorpusRun run;                         ///< that it is a part of
  CorpusOptions options{};               ///< of the states
  BlockTree<CorpusStatistics> blocks{};  ///< that are there, by their place in the list
  std::string shard = "1/1";             ///< which part of how many; runs that are cut otherwise pool as well
};

namespace detail::partial {

inline constexpr const char* format_name = "attnscope corpus partial 1";

using Json = nlohmann::json;

/// Bytes that are no UTF-8, as names of files may be, are replaced.
inline std::string json_of(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
inline std::vector<Index> stored_shape(const PartShape& shape) {
  std::vector<Index> all;
  if (shape.columns) all.push_back(*shape.columns);
  all.insert(all.end(), shape.rows.begin(), shape.rows.end());
  return all;
}
/// Before the names of a table's tensors.
inline std::string table_prefix(Index first, Index length, const TableName& name) {
  return fmt::format("{}/{}/{}/{}/", first, length, name.stack, name.name);
}

/// Collects the tensors of a file, which stay where they lie.
struct Store {
  RawTensors tensors{};

  template <typename Numbers>
  void put(const std::string& name, const Numbers& numbers, const PartShape& shape) {
    if (numbers.size() == 0) return;
    const std::span lent(numbers.data(), static_cast<std::size_t>(numbers.size()));
    RawTensor tensor{dtype_of<typename Numbers::Scalar>, stored_shape(shape), std::as_bytes(lent), nullptr};
    require<FileError>(tensors.try_emplace(name, std::move(tensor)).second, "two tensors would be called {}",
                       name);
  }
};

/// Gives the numbers of a file back.
struct Load {
  const TensorFile& file;

  /// @throws FileError there are no numbers of that name and shape
  void check(const std::string& name, const std::vector<Index>& shape) const {
    const RawTensor* const tensor = file.find(name);
    require<FileError>(tensor, "there is no tensor {}", name);
    require<FileError>(tensor->shape == shape, "tensor {} is of shape [{}] instead of [{}]", name,
                       fmt::join(tensor->shape, ", "), fmt::join(shape, ", "));
  }
  template <typename Numbers>
  void take(const std::string& name, Numbers& numbers, const PartShape& shape) const {
    Index rows = 1;
    for (const Index length : shape.rows) rows *= length;
    numbers.resize(rows, shape.columns.value_or(1));
    if (numbers.size() == 0) return;
    check(name, stored_shape(shape));
    const auto stored =
        in_context("tensor " + name, [&] { return elements<typename Numbers::Scalar>(*file.find(name)); });
    std::copy_n(stored.get(), numbers.size(), numbers.data());
  }
};

inline Json store_bucket(Store& store, Index first, Index length, const BucketStatistics& bucket) {
  Json said{{"length", length},
            {"examples", bucket.examples},
            {"tokens", bucket.tokens},
            {"numbers", Json::array()},
            {"categories", Json::array()}};
  const auto shape_of = [](const TableName& name, const auto& one) {
    return Json{{"stack", name.stack},
                {"name", name.name},
                {"of_layers", name.of_layers},
                {"layers", one.layers()},
                {"heads", one.heads()}};
  };
  for (const auto& [name, one] : bucket.numbers) {
    const Bins& bins = one.bins();
    Json& table = said["numbers"].emplace_back(shape_of(name, one));
    table["bins"] = {bins.low, bins.high, bins.count, bins.by_octaves};
    const std::string prefix = table_prefix(first, length, name);
    NumberStatistics::each_part(one, [&](const char* part, const auto& values, const PartShape& shape) {
      store.put(prefix + part, values, shape);
    });
  }
  for (const auto& [name, one] : bucket.categories) {
    Json& table = said["categories"].emplace_back(shape_of(name, one));
    for (const auto& [category, tally] : one.tallies()) table["categories"].push_back(category);
    const std::string prefix = table_prefix(first, length, name);
    const auto put = [&](const std::string& category, const char* part, const auto& values,
                         const PartShape& shape) {
      store.put(fmt::format("{}{}/{}", prefix, category, part), values, shape);
    };
    CategoryStatistics::each_part(one, put);
  }
  return said;
}
/// What is said of a node; its numbers go to the store.
inline Json store_node(Store& store, Index first, int level, const CorpusStatistics& statistics) {
  Json said{{"first", first},
            {"level", level},
            {"buckets", Json::array()},
            {"names", Json::array()},
            {"left_out", Json::array()}};
  for (const auto& [place, name] : statistics.names()) said["names"].push_back({place, name});
  for (const LeftOutExample& one : statistics.left_out())
    said["left_out"].push_back({one.place.item, one.place.element, one.name, one.reason});
  for (const auto& [length, bucket] : statistics.buckets())
    said["buckets"].push_back(store_bucket(store, first, length, bucket));
  return said;
}

/// @throws FileError it is no whole number from 0 on
template <typename Number>
Number whole(const Json& number) {
  require<FileError>(number.is_number_unsigned(), "{} should be a whole number", json_of(number));
  return number.get<Number>();
}
inline TableName name_of(const Json& table) {
  return {table.at("stack").get<std::string>(), table.at("name").get<std::string>(),
          table.at("of_layers").get<bool>()};
}
inline void load_numbers(const Load& load, const std::string& prefix, const Json& table, Index replicates,
                         BucketStatistics& bucket) {
  const Index layers = whole<Index>(table.at("layers")), heads = whole<Index>(table.at("heads"));
  const Json& b = table.at("bins");
  const Bins bins{b.at(0).get<double>(), b.at(1).get<double>(), whole<Index>(b.at(2)), b.at(3).get<bool>()};
  // Only what lies in the file is allocated.
  load.check(prefix + "count", {layers, heads});
  load.check(prefix + "histogram", {bins.count, layers, heads});
  if (replicates > 0) load.check(prefix + "replicate_sums", {replicates, layers, heads});
  NumberStatistics& one =
      bucket.numbers.try_emplace(name_of(table), bins, layers, heads, replicates).first->second;
  NumberStatistics::each_part(one, [&](const std::string& part, auto& values, const PartShape& shape) {
    if (part != "replicate_missing" || load.file.find(prefix + part)) load.take(prefix + part, values, shape);
  });
}
inline void load_categories(const Load& load, const std::string& prefix, const Json& table, Index replicates,
                            BucketStatistics& bucket) {
  const Index layers = whole<Index>(table.at("layers")), heads = whole<Index>(table.at("heads"));
  CategoryStatistics& one =
      bucket.categories.try_emplace(name_of(table), layers, heads, replicates).first->second;
  for (const Json& category : table.at("categories")) {
    const std::string name = category.get<std::string>();
    load.check(fmt::format("{}{}/count", prefix, name), {layers, heads});
    if (replicates > 0) load.check(fmt::format("{}{}/replicate_sums", prefix, name), {replicates, layers});
    one.tally(name);
  }
  const auto take = [&](const std::string& category, const char* part, auto& values, const PartShape& shape) {
    load.take(fmt::format("{}{}/{}", prefix, category, part), values, shape);
  };
  CategoryStatistics::each_part(one, take);
}
inline BucketStatistics load_bucket(const Load& load, Index first, const Json& said, Index replicates) {
  BucketStatistics bucket{whole<Index>(said.at("examples")), whole<Index>(said.at("tokens"))};
  const auto prefix = [&](const Json& table) {
    return table_prefix(first, whole<Index>(said.at("length")), name_of(table));
  };
  for (const Json& table : said.at("numbers")) load_numbers(load, prefix(table), table, replicates, bucket);
  for (const Json& table : said.at("categories"))
    load_categories(load, prefix(table), table, replicates, bucket);
  return bucket;
}
inline CorpusStatistics load_node(const Load& load, const Json& said, CorpusOptions options) {
  std::map<Index, BucketStatistics> buckets;
  for (const Json& one : said.at("buckets"))
    buckets.try_emplace(whole<Index>(one.at("length")),
                        load_bucket(load, whole<Index>(said.at("first")), one, options.replicates));
  std::map<std::uint64_t, std::string> names;
  for (const Json& one : said.at("names"))
    names[whole<std::uint64_t>(one.at(0))] = one.at(1).get<std::string>();
  std::vector<LeftOutExample> left_out;
  for (const Json& one : said.at("left_out"))
    left_out.push_back({{whole<Index>(one.at(0)), whole<Index>(one.at(1))},
                        one.at(2).get<std::string>(),
                        one.at(3).get<std::string>()});
  return CorpusStatistics::of_parts(options, std::move(buckets), std::move(left_out), std::move(names));
}
inline CorpusPartial load_partial(const TensorFile& file) {
  const std::string* const format = metadata::text(file.metadata, "format");
  require<FileError>(format && *format == format_name, "this is no partial of a corpus");
  CorpusPartial partial;
  partial.run.fields = metadata::json(file.metadata, "run").get<std::map<std::string, std::string>>();
  const std::string* const fingerprint = metadata::text(file.metadata, "fingerprint");
  require<FileError>(fingerprint && *fingerprint == partial.run.fingerprint(),
                     "the fingerprint is not that of the run");
  if (const std::string* const shard = metadata::text(file.metadata, "shard")) partial.shard = *shard;
  const Json bootstrap = metadata::json(file.metadata, "bootstrap");
  partial.options = {whole<Index>(bootstrap.at("replicates")), whole<std::uint64_t>(bootstrap.at("seed"))};
  for (const Json& node : metadata::json(file.metadata, "nodes"))
    partial.blocks.put(whole<Index>(node.at("first")),
                       {whole<int>(node.at("level")), load_node({file}, node, partial.options)});
  return partial;
}

/// The tensors, which stay where they lie, and the metadata of a partial.
inline std::pair<RawTensors, Metadata> stored(const CorpusPartial& partial) {
  Store store;
  Json nodes = Json::array();
  for (const auto& [first, node] : partial.blocks.nodes())
    nodes.push_back(store_node(store, first, node.level, node.state));
  const Json bootstrap{{"replicates", partial.options.replicates}, {"seed", partial.options.seed}};
  Metadata metadata{{"format", format_name},
                    {"fingerprint", partial.run.fingerprint()},
                    {"run", json_of(partial.run.fields)},
                    {"bootstrap", json_of(bootstrap)},
                    {"shard", partial.shard},
                    {"nodes", json_of(nodes)}};
  return {std::move(store.tensors), std::move(metadata)};
}

}  // namespace detail::partial

/// A partial as the bytes of a safetensors file. Tensors are called first block/length
/// bucket/stack/number/part: count, mean, squared_deviations, smallest, largest, smallest_at, largest_at
/// [layers, heads], histogram [bins, layers, heads], replicate_sums [replicates, layers, heads],
/// replicate_weights [replicates], and where numbers are undefined replicate_missing [replicates, layers,
/// heads]; those of a category, .../number/category/part: count [layers, heads], replicate_sums [replicates,
/// layers]. The metadata hold JSON: run, bootstrap, nodes. Numbers survive to the
/// bit.
/// @throws what safetensors_bytes throws
inline std::vector<std::byte> partial_bytes(const CorpusPartial& partial) {
  const auto [tensors, metadata] = detail::partial::stored(partial);
  return safetensors_bytes(tensors, metadata);
}
/// Writes a partial to a file, whole or not at all (see AtomicFile).
/// @throws what write_safetensors throws
inline void write_partial(const std::filesystem::path& path, const CorpusPartial& partial) {
  const auto [tensors, metadata] = detail::partial::stored(partial);
  write_safetensors(path, tensors, metadata);
}

/// The partial in the bytes that partial_bytes() made. Nothing is allocated on their word alone.
/// @throws FileError it is no partial, or not as one should be
inline CorpusPartial parse_partial(std::span<const std::byte> bytes) {
  try {
    return detail::partial::load_partial(parse_safetensors(bytes));
  } catch (const nlohmann::json::exception& error) {
    throw FileError(fmt::format("not as a partial should be: {}", error.what()));
  } catch (const ValueError& error) {
    throw FileError(fmt::format("not as a partial should be: {}", error.what()));
  }
}
/// The same from a file. @throws FileError with the path, also if it cannot be read
inline CorpusPartial read_partial(const std::filesystem::path& path) {
  const MappedFile file(path);
  return in_context(path.string(), [&] { return parse_partial(file.bytes()); });
}

}  // namespace attnscope
