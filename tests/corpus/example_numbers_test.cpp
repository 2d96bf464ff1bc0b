#include <attnscope/corpus/example_numbers.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("length buckets are powers of two from 8 on") {
  CHECK(length_bucket(0) == 8);
  CHECK(length_bucket(1) == 8);
  CHECK(length_bucket(8) == 8);
  CHECK(length_bucket(9) == 16);
  CHECK(length_bucket(16) == 16);
  CHECK(length_bucket(17) == 32);
  CHECK(length_bucket(1024) == 1024);
  CHECK(length_bucket(131073) == 262144);
}

TEST_CASE("tables are told apart by stack and name") {
  CHECK(TableName{"self", "a"} != TableName{"cross", "a"});
  CHECK(TableName{"cross", "b"} < TableName{"self", "a"});
  CHECK(TableName{"self", "entropies"}.text() == "self entropies");
}
