#include <attnscope/core/token_facts.hpp>

#include "support/catch.hpp"

using namespace attnscope;
using detail::KnownTokens;

TEST_CASE("equal strings are equal tokens") {
  CHECK(identities_of({"the", "cat", "the", "The"}) == std::vector<Index>{0, 1, 0, 2});
  CHECK(identities_of({}).empty());
}

TEST_CASE("copies chain back to the first of them; special tokens have none") {
  const KnownTokens known({.identities = {5, 7, 5, 9, 5, 9, 5}, .special = {3, 5}});
  CHECK(known.earlier_copy(0) == -1);
  CHECK(known.earlier_copy(1) == -1);
  CHECK(known.earlier_copy(2) == 0);
  CHECK(known.earlier_copy(4) == 2);
  CHECK(known.earlier_copy(5) == -1);
  CHECK(known.earlier_copy(6) == 4);
}

TEST_CASE("dependencies are known in both directions") {
  const KnownTokens known(
      {.dependency_heads = {1, -1, 1, 2}, .relations = {"nsubj", "root", "dobj", "amod"}});
  CHECK(known.dependents(1) == std::vector<Index>{0, 2});
  CHECK(known.dependents(2) == std::vector<Index>{3});
  CHECK(known.dependents(0).empty());
  CHECK(known.relation(2) == "dobj");
  CHECK(KnownTokens({.dependency_heads = {-1, 0}}).relation(1).empty());
}

TEST_CASE("directions have length 1, an embedding of nothing has none") {
  const KnownTokens known({.embeddings = Eigen::MatrixXd{{3, 4}, {0, 0}}});
  CHECK(known.directions().row(0).norm() == Approx(1));
  CHECK(known.directions()(0, 1) == Approx(.8));
  CHECK(known.directions().row(1).norm() == 0);
}

TEST_CASE("lists of positions may come in any order") {
  const KnownTokens known({.delimiters = {{4, 0, 4}}, .special = {4, 0}});
  CHECK(known.delimiters() == std::vector<Index>{0, 4});
  CHECK(known.special(0));
  CHECK(!known.special(1));
}

TEST_CASE("facts that cannot be are refused, naming the token") {
  const auto shape_message = [](const TokenFacts& facts) {
    return message_of<ShapeError>([&] { KnownTokens{facts}; });
  };
  const auto value_message = [](const TokenFacts& facts) {
    return message_of<ValueError>([&] { KnownTokens{facts}; });
  };
  CHECK(shape_message({.dependency_heads = {-1, 4}}) == "token 1: the dependency head 4 of 2 tokens");
  CHECK(shape_message({.dependency_heads = {-2}}) == "token 0: the dependency head -2 of 1 tokens");
  CHECK(value_message({.dependency_heads = {-1, 1}}) == "token 1 is its own dependency head; a root has -1");
  CHECK(shape_message({.dependency_heads = {-1, 0}, .relations = {"a"}}) ==
        "1 relations for 2 dependency heads");
  CHECK(shape_message({.relations = {"a"}}) == "1 relations for 0 dependency heads");
  CHECK(value_message({.frequencies = {1, -2}}) == "token 1: the frequency -2 is not a count or a share");
  CHECK(value_message({.frequencies = {std::nan("")}}) ==
        "token 0: the frequency nan is not a count or a share");
  CHECK(value_message({.embeddings = Eigen::MatrixXd{{1, 2}, {3, std::nan("")}}}) ==
        "token 1: the embedding is not finite");
  CHECK(shape_message({.delimiters = {{-1}}}) == "delimiter token -1");
  CHECK(shape_message({.special = {-3, 2}}) == "special token -3");
}

TEST_CASE("facts of other tokens are refused") {
  const auto message = [](const TokenFacts& facts) {
    return message_of<ShapeError>([&] { KnownTokens(facts).check_fit(3); });
  };
  CHECK(message({.identities = {1, 2}}) == "2 identities for 3 tokens");
  CHECK(message({.dependency_heads = {-1, 0, 1, 2}}) == "4 dependency heads for 3 tokens");
  CHECK(message({.frequencies = {1}}) == "1 frequencies for 3 tokens");
  CHECK(message({.embeddings = Eigen::MatrixXd::Ones(4, 2)}) == "4 embeddings for 3 tokens");
  CHECK(message({.delimiters = {{0, 3}}}) == "delimiter token 3 of 3");
  CHECK(message({.special = {7}}) == "special token 7 of 3");
  CHECK_NOTHROW(KnownTokens({.identities = {1, 2, 3}, .delimiters = {{}}, .special = {2}}).check_fit(3));
  CHECK_NOTHROW(KnownTokens(TokenFacts{}).check_fit(3));
}
