#include <attnscope/core/pattern_tallies.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using detail::KnownTokens;
using detail::PatternTallies;

namespace {

/// All queries of one example, in blocks of so many rows.
PatternTallies tallies_of(const AttentionView<double>& attention, const KnownTokens& known, Index rows = 100,
                          bool self_attention = true) {
  PatternTallies all(2, self_attention);
  auto reader = attention.reader();
  const Index queries = attention.layout().queries(0);
  for (Index first = 0; first < queries; first += rows) {
    PatternTallies part(2, self_attention);
    part.look(reader.read(0, {first, std::min(queries, first + rows)}), known);
    all.merge(std::move(part));
  }
  return all;
}

TokenFacts facts_of(Index tokens) {
  TokenFacts facts{.delimiters = {{0, 3}}, .special = {0}};
  for (Index i = 0; i < tokens; ++i) {
    facts.identities.push_back(i % 3);
    facts.dependency_heads.push_back((i + 2) % tokens);
    facts.frequencies.push_back(static_cast<double>(i));
  }
  facts.embeddings = Eigen::MatrixXd::Random(tokens, 3);
  return facts;
}

}  // namespace

TEST_CASE("blocks of any size count the same") {
  const auto a = test::random_attention<double>(Layout({1, 2, 9, 9}));
  const KnownTokens known(facts_of(9));
  const PatternTallies whole = tallies_of(AttentionView(a), known);
  for (const Index rows : {1, 2, 4}) {
    const PatternTallies parts = tallies_of(AttentionView(a), known, rows);
    CHECK(parts.queries() == 9);
    CHECK(parts.normalized_entropy(1) == Approx(whole.normalized_entropy(1)));
    CHECK(parts.offset(-2).mass(1) == Approx(whole.offset(-2).mass(1)));
    CHECK(parts.first().mass(1) == Approx(whole.first().mass(1)));
    CHECK(parts.delimiters().mass(1) == Approx(whole.delimiters().mass(1)));
    CHECK(parts.rarest().mass(1) == Approx(whole.rarest().mass(1)));
    CHECK(parts.copies().mass(1) == Approx(whole.copies().mass(1)));
    CHECK(parts.after_copies().mass(1) == Approx(whole.after_copies().mass(1)));
    CHECK(parts.relations().at({"", true}).accuracy(1) == whole.relations().at({"", true}).accuracy(1));
    CHECK(parts.similarity().score(1) == Approx(whole.similarity().score(1)));
    CHECK(parts.similarity().baseline(1) == Approx(whole.similarity().baseline(1)));
  }
}

TEST_CASE("a query that sees one key is not asked") {
  const Eigen::Matrix3d causal{{1, 0, 0}, {.25, .75, 0}, {.25, .25, .5}};
  const PatternTallies tallies =
      tallies_of(AttentionView(causal, {.causal = true}), KnownTokens(facts_of(3)));
  CHECK(tallies.queries() == 2);
  CHECK(tallies.first().mass(0) == Approx(.25));
  CHECK(tallies.first().chance() == Approx((1 / 2. + 1 / 3.) / 2));
  CHECK(tallies.offset(0).mass(0) == Approx((.75 + .5) / 2));
}

TEST_CASE("a query is the key at its position, or nobody we know") {
  // A cache: query 0 stands at key 2, and query 2 beyond the keys.
  Eigen::MatrixXd cached = Eigen::MatrixXd::Zero(3, 4);
  cached(0, 1) = cached(1, 0) = cached(2, 0) = 1;
  const AttentionView view(cached, {.causal = true, .query_offset = 2});
  const KnownTokens known(
      {.identities = {7, 5, 5, 7}, .embeddings = Eigen::MatrixXd{{1, 0}, {1, 1}, {1, 1}, {1, 0}}});
  const PatternTallies tallies = tallies_of(view, known);
  CHECK(tallies.queries() == 3);
  CHECK(tallies.copies().queries() == 2);
  CHECK(tallies.copies().mass(0) == 1);
  CHECK(tallies.similarity().queries() == 2);
  CHECK(tallies.similarity().score(0) == 1);

  const AttentionView before(cached, {.causal = false, .query_offset = -1});  // query 0 stands before key 0
  const PatternTallies early = tallies_of(before, known);
  CHECK(early.offset(1).queries() == 3);
  CHECK(early.copies().queries() == 0);
  CHECK(early.similarity().queries() == 2);
}

TEST_CASE("where queries are no keys, only keys count") {
  const auto a = test::random_attention<double>(Layout({1, 2, 9, 9}));
  const PatternTallies tallies = tallies_of(AttentionView(a), KnownTokens(facts_of(9)), 100, false);
  CHECK(tallies.first().queries() == 9);
  CHECK(tallies.delimiters().queries() == 9);
  CHECK(tallies.rarest().queries() == 9);
  CHECK(tallies.offset(0).queries() == 0);
  CHECK(tallies.copies().queries() == 0);
  CHECK(tallies.relations().empty());
  CHECK(tallies.similarity().queries() == 0);
}

TEST_CASE("special tokens are no words") {
  const auto a = test::random_attention<double>(Layout({1, 2, 9, 9}));
  TokenFacts facts = facts_of(9);
  facts.special = {0, 1, 2};
  const PatternTallies tallies = tallies_of(AttentionView(a), KnownTokens(facts));
  CHECK(tallies.rarest().chance() == Approx(1 / 9.));
  CHECK(tallies.copies().queries() == 3);                     // of 6, 7 and 8
  CHECK(tallies.relations().at({"", true}).queries() == 4);   // 3 .. 6; 7 and 8 depend on special tokens
  CHECK(tallies.relations().at({"", false}).queries() == 4);  // 5 .. 8
  CHECK(tallies.similarity().queries() == 6);
}

TEST_CASE("equally rare words share the place, until a rarer one comes") {
  const Eigen::MatrixXd last = (Eigen::MatrixXd::Identity(4, 4).array() * .6 + .1).matrix();
  const auto rarest = [&](std::vector<double> frequencies) {
    return tallies_of(AttentionView(last), KnownTokens({.frequencies = std::move(frequencies)})).rarest();
  };
  CHECK(rarest({5, 5, 2, 9}).chance() == Approx(.25));
  CHECK(rarest({5, 2, 9, 2}).chance() == Approx(.5));
  CHECK(rarest({3, 3, 3, 3}).chance() == Approx(1));
  CHECK(rarest({5, 5, 2, 9}).mass(0) == Approx((.7 + 3 * .1) / 4));
}
