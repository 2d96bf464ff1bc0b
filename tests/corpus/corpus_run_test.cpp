#include <attnscope/corpus/corpus_run.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("the hash is FNV-1a, by its published vectors") {
  CHECK(text_hash("") == 0xcbf29ce484222325u);
  CHECK(text_hash("a") == 0xaf63dc4c8601ec8cu);
  CHECK(text_hash("foobar") == 0x85944171f73967e8u);
  CHECK(text_hash("bar", text_hash("foo")) == text_hash("foobar"));
}

TEST_CASE("lists are told apart, also where their texts run together alike") {
  CHECK(list_hash({"ab", "c"}) != list_hash({"a", "bc"}));
  CHECK(list_hash({"a", "b"}) != list_hash({"b", "a"}));
  CHECK(list_hash({"a", ""}) != list_hash({"a"}));
  CHECK(list_hash({"a", "b"}) == list_hash({"a", "b"}));
}

TEST_CASE("runs pool when all that their numbers hang on is the same") {
  const CorpusRun one{{{"block", "16"}, {"window", "3"}}}, other{{{"block", "16"}, {"window", "5"}}},
      third{{{"block", "16"}, {"seed", "1"}, {"window", "3"}}};
  CHECK(one.fingerprint() == CorpusRun{one}.fingerprint());
  CHECK(one.fingerprint().size() == 16);
  CHECK(one.fingerprint() != other.fingerprint());
  CHECK(CorpusRun{{{"a", "b"}}}.fingerprint() != CorpusRun{{{"ab", ""}}}.fingerprint());
  CHECK(one.unlike(one, "a", "b").empty());
  require_same_run(one, "a", one, "b");
  CHECK(message_of<ValueError>([&] { require_same_run(one, "1.safetensors", other, "2.safetensors"); }) ==
        "parts of unlike runs do not pool: window is 3 in 1.safetensors and 5 in 2.safetensors");
  CHECK(message_of<ValueError>([&] { require_same_run(one, "a", third, "b"); }) ==
        "parts of unlike runs do not pool: seed is not given in a and 1 in b");
}
