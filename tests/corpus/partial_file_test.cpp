#include <attnscope/corpus/partial_file.hpp>

#include "corpus/made_corpus.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
using test::bytes_of, test::made_part;

namespace {
CorpusPartial made_partial() {
  CorpusPartial partial{{{{"window", "3"}, {"list", "é"}}}, test::made_options};
  for (Index b = 1; b < 6; ++b) partial.blocks.add(b, made_part(10 * b, 10 * b + 10));
  CorpusStatistics bad(test::made_options);
  bad.leave_out({{65, 2}, "b\xff.npz", "no \"numbers\""});
  partial.blocks.add(6, std::move(bad));
  return partial;
}
/// The message of a file whose tensors or metadata are changed.
std::string refused(const test::TemporaryFolder& folder, auto change) {
  write_partial(folder / "a", made_partial());
  TensorFile file = read_safetensors(folder / "a");
  change(file);
  write_safetensors(folder / "b", file.tensors, file.metadata);
  const std::string message = message_of<FileError>([&] { read_partial(folder / "b"); });
  return message.substr((folder / "b").string().size() + 2);
}
void replace(std::string& text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != text.npos);
  text.replace(at, what.size(), by);
}
}  // namespace

TEST_CASE("a partial survives the file to the bit, and goes on as if it had never left") {
  const test::TemporaryFolder folder;
  const CorpusPartial partial = made_partial();
  write_partial(folder / "part.safetensors", partial);
  CorpusPartial again = read_partial(folder / "part.safetensors");
  CHECK(again.run.fields == partial.run.fields);
  CHECK(again.options == partial.options);
  REQUIRE(again.blocks.nodes().size() == partial.blocks.nodes().size());
  for (const auto& [first, node] : partial.blocks.nodes()) {
    const auto& other = again.blocks.nodes().at(first);
    CHECK(other.level == node.level);
    if (first < 6) CHECK(bytes_of(other.state) == bytes_of(node.state));
  }
  CHECK(again.blocks.nodes().at(6).state.left_out() ==
        std::vector<LeftOutExample>{{{65, 2}, "b\xEF\xBF\xBD.npz", "no \"numbers\""}});
  again.blocks.add(0, made_part(0, 10));
  CorpusPartial whole = made_partial();
  whole.blocks.add(0, made_part(0, 10));
  CHECK(bytes_of(again.blocks.total(7)).size() ==
        bytes_of(whole.blocks.total(7)).size() + 2);  // \xff is 3 bytes now
  write_partial(folder / "again.safetensors", read_partial(folder / "part.safetensors"));
  CHECK(test::text_of(folder / "again.safetensors") == test::text_of(folder / "part.safetensors"));
}

TEST_CASE("an empty partial is one, too") {
  const test::TemporaryFolder folder;
  write_partial(folder / "none", {{{{"a", "b"}}}, {.replicates = 9, .seed = ~0ull}});
  const CorpusPartial none = read_partial(folder / "none");
  CHECK(none.blocks.size() == 0);
  CHECK(none.options == CorpusOptions{9, ~0ull});
}

TEST_CASE("tensors are named and shaped for a reader in another language") {
  const test::TemporaryFolder folder;
  write_partial(folder / "a", made_partial());
  const TensorFile file = read_safetensors(folder / "a");
  const RawTensor* const mean = file.find("2/16/self/share/mean");
  REQUIRE(mean);
  CHECK(mean->shape == std::vector<Index>{2, 3});
  CHECK(file.find("2/16/self/share/histogram")->shape == std::vector<Index>{64, 2, 3});
  CHECK(file.find("2/16/self/share/replicate_sums")->shape == std::vector<Index>{80, 2, 3});
  CHECK(file.find("2/16/self/role/near/replicate_sums")->shape == std::vector<Index>{80, 2});
  const CorpusPartial partial = made_partial();
  const auto& node = partial.blocks.nodes().at(2);
  const Eigen::ArrayXXd means = node.state.buckets().at(16).numbers.at(test::share).mean();
  for (Index l = 0; l < 2; ++l)
    for (Index h = 0; h < 3; ++h) CHECK(elements<double>(*mean)[l * 3 + h] == means(l, h));
}

TEST_CASE("a file that is no partial, or a broken one, is refused") {
  const test::TemporaryFolder folder;
  write_safetensors(folder / "other", {});
  CHECK(message_of<FileError>([&] { read_partial(folder / "other"); }) ==
        (folder / "other").string() + ": this is no partial of a corpus");
  CHECK(refused(folder, [](TensorFile& f) { f.metadata["format"] = "attnscope corpus partial 2"; }) ==
        "this is no partial of a corpus");
  CHECK(refused(folder, [](TensorFile& f) { replace(f.metadata["run"], "\"3\"", "\"4\""); }) ==
        "the fingerprint is not that of the run");
  CHECK(refused(folder, [](TensorFile& f) { f.tensors.erase("2/16/self/share/mean"); }) ==
        "there is no tensor 2/16/self/share/mean");
  CHECK(refused(folder, [](TensorFile& f) {
          replace(f.metadata["nodes"], "\"heads\":3", "\"heads\":4000000000");
        }).find("is of shape [2, 3] instead of [2, 4000000000]") != std::string::npos);
  CHECK(refused(folder, [](TensorFile& f) { replace(f.metadata["nodes"], "\"heads\":3", "\"heads\":-3"); }) ==
        "-3 should be a whole number");
  CHECK(refused(folder, [](TensorFile& f) {
          replace(f.metadata["bootstrap"], "80", "81");
        }).find("instead of [81, 2, 1]") != std::string::npos);
  CHECK(refused(folder, [](TensorFile& f) {
          replace(f.metadata["nodes"], "\"first\":2", "\"first\":3");
        }).find("there is no tensor 3/") == 0);
  CHECK(refused(folder, [](TensorFile& f) {
          replace(f.metadata["nodes"], "\"names\":", "\"names\":[],\"x\":");
        }).find("not as a partial should be: no example at place ") == 0);
  CHECK(refused(folder, [](TensorFile& f) {
          f.metadata["nodes"] = "[{}]";
        }).find("not as a partial should be: ") == 0);
  CHECK(refused(folder, [](TensorFile& f) {
          f.metadata["nodes"] = "[]";
          f.metadata.erase("bootstrap");
        }).find("not as a partial should be: ") == 0);
}
