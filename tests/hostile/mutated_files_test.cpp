// 10,000 damaged files of each format: each is an error or a valid dump, whose every weight can be read.
// Nothing else may leave the library, and no file makes it ask for more memory than a file of its size
// deserves.
#include <attnscope/corpus/partial_file.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/io/write_safetensors.hpp>

#include <sys/resource.h>

#include <random>

#include "corpus/read_everything.hpp"
#include "support/address_sanitizer.hpp"
#include "support/archives.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;

#if defined(ATTNSCOPE_ADDRESS_SANITIZER)
// The sanitizer's own mappings leave no room for a limit of the system's, so it watches itself.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=64"; }
#endif

namespace {

constexpr int rounds = 10'000;

/// As long as it lives the process gets no more than `bytes` of new memory.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t bytes) {
#if !defined(ATTNSCOPE_ADDRESS_SANITIZER)
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    const ::rlimit limit{pages * 4096 + bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_AS, &limit);
#else
    (void)bytes;
#endif
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
#if !defined(ATTNSCOPE_ADDRESS_SANITIZER)
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  ::rlimit before_{};
#endif
};

using Random = std::mt19937;

template <typename List>
const auto& any_of(const List& list, Random& random) {
  return list[random() % list.size()];
}

/// What breaks parsers: numbers at the edges, brackets, bytes that are no text.
const std::vector<std::string>& pieces() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> list{"0",
                                  "-1",
                                  "1",
                                  "4294967296",
                                  "9223372036854775807",
                                  "18446744073709551616",
                                  "1e999",
                                  "[",
                                  "]",
                                  "{",
                                  "}",
                                  "(",
                                  ")",
                                  ",",
                                  ":",
                                  "\"",
                                  "'",
                                  "\\",
                                  " ",
                                  "null",
                                  "true",
                                  "True",
                                  "[[",
                                  "\xff",
                                  "\xed\xa0\x80",
                                  "<f8",
                                  ">f4",
                                  "|O",
                                  "<U4",
                                  "F64",
                                  "BF16",
                                  "shape",
                                  "__metadata__",
                                  "tokens",
                                  ".npy"};
    for (const std::uint64_t number : {0ull, 1ull, 0x7fffffffull, 0xffffffffull, 1ull << 40, ~0ull}) {
      list.push_back(test::bytes_of(number));
      list.push_back(test::bytes_of(static_cast<std::uint32_t>(number)));
      list.push_back(test::bytes_of(static_cast<std::uint16_t>(number)));
    }
    list.push_back(std::string(300, '['));
    return list;
  }();
  return all;
}

/// One to four small accidents.
std::string damaged(std::string text, Random& random) {
  for (auto accidents = 1 + random() % 4; accidents > 0; --accidents) {
    const std::size_t at = random() % (text.size() + 1), count = random() % 9;
    const std::string& piece = any_of(pieces(), random);
    switch (random() % 7) {
      case 0:
        text.erase(at, count);
        break;
      case 1:
        text.insert(at, piece);
        break;
      case 2:
        text.replace(at, piece.size(), piece);
        break;
      case 3:
        text.insert(at, text.substr(random() % (text.size() + 1), random() % 80));
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
        break;
      case 5:
        if (at < text.size()) text[at] = static_cast<char>(random());
        break;
      default:
        if (random() % 8 == 0) text.resize(at);
    }
  }
  return text;
}

/// Reads all of a dump: every weight of every layer, and what the measures make of it.
void read_everything(const Dump& dump) {
  for (const DumpStack& stack : dump.stacks)
    for (const DumpLayer& layer : stack.layers)
      std::visit(
          [](const auto& attention) {
            const EntropyResult result = entropy(attention, {}, {.threads = 1});
            if (result.queries > 0 && !(result.entropies.minCoeff() >= -1e-6)) FAIL("a negative entropy");
          },
          layer.attention);
}

using test::read_everything;

/// How many of the files that `make(random)` gives are valid; the others throw an Error.
template <typename Make, typename Read>
int count_valid(const Make& make, const Read& read) {
  int valid = 0;
  Random random(2026);
  for (int round = 0; round < rounds; ++round) {
    const auto file = make(random);
    const MemoryLimit limit(std::size_t{64} << 20);
    try {
      read_everything(read(file));
      ++valid;
    } catch (const Error&) {
    } catch (const std::exception& error) {
      FAIL("round " << round << " threw what is no Error of ours: " << error.what());
    }
  }
  return valid;
}

/// The dump in the bytes of a file, whatever their format.
Dump dump_of(const std::string& bytes) {
  const auto copy = test::exact_copy(bytes);
  const TensorFile file = detail::parse_tensors(*copy, "array", copy);
  return make_dump("x", named_as_dump(file.tensors, "self"), file.metadata);
}

/// Two layers of three heads and four tokens, a batch of two.
AttentionTensor<float> weights() { return test::random_attention<float>(Layout({2, 3, 4, 4})); }
std::string weight_bytes() {
  const AttentionTensor<float> layer = weights();
  const std::string one(reinterpret_cast<const char*>(layer.data()),
                        static_cast<std::size_t>(layer.size()) * sizeof(float));
  return one + one;
}
const Metadata& strings() {
  static const Metadata all{
      {"tokens", R"([["a","b","c","d"],["a","b","c"]])"},
      {"lengths", "[4,3]"},
      {"starts", "[0,1]"},
      {"causal", "true"},
      {"query_offset", "0"},
      {"sliding_window.self.0", "3"},
      {"scale.self.1", "0.5"},
      {"soft_cap.self.1", "30"},
      {"stack.vision", R"({"query_tokens":"tokens","key_tokens":"tokens","causal":false})"}};
  return all;
}
RawTensors tensors() {
  return {{"self.0.attention", raw_tensor(weights())},
          {"self.1.query", test::filled({2, 2, 4, 3}, .5)},
          {"self.1.key", test::filled({2, 1, 4, 3}, .25)},
          {"self.1.attention_bias", test::filled({1, 2, 4, 4}, .1)},
          {"self.1.sink_logits", test::filled({2}, 0)},
          {"vision.0.attention", raw_tensor(weights())}};
}
std::string safetensors_file(const RawTensors& tensors, const Metadata& metadata) {
  static const test::TemporaryFolder folder;
  write_safetensors(folder / "x", tensors, metadata);
  return test::text_of(folder / "x");
}

}  // namespace

TEST_CASE("damaged safetensors are errors or valid dumps") {
  const std::string sound = safetensors_file(tensors(), strings());
  std::uint64_t length = 0;
  std::memcpy(&length, sound.data(), 8);
  const std::string header = sound.substr(8, length), data = sound.substr(8 + length);
  read_everything(dump_of(sound));
  const auto make = [&](Random& random) {
    if (random() % 4 == 0) return damaged(sound, random);
    const std::string other = damaged(header, random);  // behind its true length, so that it is read
    return test::bytes_of(std::uint64_t{other.size()}) + other +
           (random() % 4 == 0 ? damaged(data, random) : data);
  };
  const int valid = count_valid(make, dump_of);
  CHECK(valid > 50);
  CHECK(valid < rounds / 2);
}

TEST_CASE("damaged .npy files are errors or valid dumps") {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 3, 4, 4), }";
  const std::string data = weight_bytes(), sound = test::npy_file(header, data);
  read_everything(dump_of(sound));
  const auto make = [&](Random& random) {
    if (random() % 2 == 0) return damaged(sound, random);
    return test::npy_file(damaged(header, random), data);
  };
  const int valid = count_valid(make, dump_of);
  CHECK(valid > 50);
  CHECK(valid < rounds / 2);
}

TEST_CASE("damaged .npz archives are errors or valid dumps") {
  const std::string layer =
      test::npy_file("<f4", "2, 3, 4, 4", weight_bytes().substr(0, weight_bytes().size() / 2));
  const std::vector<test::ZipEntry> sound{
      {"self.0.attention.npy", layer, true},
      {"self.1.attention.npy", layer, false, true},
      {"tokens.npy", test::npy_file("|S1", "2, 4", "abcdabcd"), true},
      {"model.npy", test::npy_file("<U2", "", test::bytes_of(std::vector<std::uint32_t>{'m', 0x1f600}))},
      {"lengths.npy", test::npy_file("<i8", "2", test::bytes_of(std::vector<std::int64_t>{4, 3}))}};
  const std::string archive = test::zip_file(sound);
  read_everything(dump_of(archive));
  const auto make = [&](Random& random) {
    if (random() % 2 == 0) return damaged(archive, random);
    std::vector<test::ZipEntry> entries = sound;  // damaged inside, the archive around it is sound
    std::string& content = entries[random() % entries.size()].content;
    content = damaged(content, random);
    return test::zip_file(entries);
  };
  const int valid = count_valid(make, dump_of);
  CHECK(valid > 50);
  CHECK(valid < rounds / 2);
}

TEST_CASE("dumps with damaged metadata, shapes and fields are errors or valid") {
  const auto make = [&](Random& random) {
    RawTensors all = tensors();
    Metadata metadata = strings();
    for (auto accidents = 1 + random() % 2; accidents > 0; --accidents) {
      auto string = std::next(metadata.begin(), static_cast<std::ptrdiff_t>(random() % metadata.size()));
      auto tensor = std::next(all.begin(), static_cast<std::ptrdiff_t>(random() % all.size()));
      std::vector<Index>& shape = tensor->second.shape;
      switch (random() % 5) {
        case 0:
        case 1:
          string->second = damaged(string->second, random);
          break;
        case 2:
          std::ranges::shuffle(shape, random);
          break;
        case 3:
          if (random() % 2 == 0 && !shape.empty())
            shape.erase(shape.begin());
          else
            shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(random() % (shape.size() + 1)), 1);
          break;
        default:
          all.erase(tensor);
      }
    }
    return std::pair(all, metadata);
  };
  const auto read = [](const std::pair<RawTensors, Metadata>& file) {
    return make_dump("x", file.first, file.second);
  };
  const int valid = count_valid(make, read);
  CHECK(valid > 50);
  CHECK(valid < rounds * 3 / 4);
}

TEST_CASE("damaged partials of a corpus are errors or valid") {
  CorpusPartial partial{{{{"window", "3"}}}, {.replicates = 3}};
  for (Index e = 0; e < 2; ++e) {
    CorpusStatistics state(partial.options);
    const Eigen::ArrayXXd values = Eigen::ArrayXXd::Constant(1, 2, e == 0 ? undefined : .5);
    state.add({{e, 0},
               "a",
               10 * (e + 1),
               {{{"s", "n"}, Bins::linear(0, 1, 2), values}},
               {{{"s", "r"}, 2, {"x", "y"}}}});
    partial.blocks.add(2 * e, std::move(state));
  }
  const auto [numbers, said] = detail::partial::stored(partial);
  read_everything(partial);
  const auto file_of = [&numbers = numbers](const Metadata& metadata) {
    const std::vector<std::byte> bytes = safetensors_bytes(numbers, metadata);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const std::string sound = file_of(said);
  const auto make = [&, &said = said](Random& random) {
    Metadata metadata = said;
    auto string = std::next(metadata.begin(), static_cast<std::ptrdiff_t>(random() % metadata.size()));
    string->second = damaged(string->second, random);
    if (random() % 4 == 0) return damaged(sound, random);
    try {
      return file_of(metadata);
    } catch (const FileError&) {  // no UTF-8 any more
      return sound;
    }
  };
  const auto read = [](const std::string& bytes) {
    const auto copy = test::exact_copy(bytes);
    return parse_partial(*copy);
  };
  const int valid = count_valid(make, read);
  CHECK(valid > 50);
  CHECK(valid < rounds / 2);
}
