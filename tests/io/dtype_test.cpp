#include <attnscope/io/dtype.hpp>

#include <cstdint>
#include <string>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("every name leads to its encoding and back") {
  for (std::size_t i = 0; i < detail::dtype_table.size(); ++i) {
    const auto dtype = static_cast<Dtype>(i);
    CHECK(detail::dtype_table[i].dtype == dtype);
    CHECK(dtype_named(dtype_name(dtype)) == dtype);
  }
  CHECK(dtype_name(Dtype::U64) == "U64");
}

TEST_CASE("a name that the format does not have is nothing") {
  CHECK_FALSE(dtype_named("f32").has_value());
  CHECK_FALSE(dtype_named("F128").has_value());
  CHECK_FALSE(dtype_named("").has_value());
}

TEST_CASE("the number in the name of an encoding is its bits") {
  for (const detail::DtypeEntry& entry : detail::dtype_table) {
    const std::string name(entry.name);
    const std::size_t bits = name == "BOOL" ? 8 : std::stoul(name.substr(name.find_first_of("0123456789")));
    CHECK(dtype_bits(entry.dtype) == bits);
  }
}

TEST_CASE("C++ types have the encoding of their size and kind") {
  CHECK(dtype_of<float> == Dtype::F32);
  CHECK(dtype_of<double> == Dtype::F64);
  CHECK(dtype_of<Eigen::half> == Dtype::F16);
  CHECK(dtype_of<Eigen::bfloat16> == Dtype::BF16);
  CHECK(dtype_of<std::int8_t> == Dtype::I8);
  CHECK(dtype_of<std::uint8_t> == Dtype::U8);
  CHECK(dtype_of<std::int16_t> == Dtype::I16);
  CHECK(dtype_of<std::uint16_t> == Dtype::U16);
  CHECK(dtype_of<std::int32_t> == Dtype::I32);
  CHECK(dtype_of<std::uint32_t> == Dtype::U32);
  CHECK(dtype_of<long> == Dtype::I64);
  CHECK(dtype_of<long long> == Dtype::I64);
  CHECK(dtype_of<unsigned long long> == Dtype::U64);
  STATIC_REQUIRE_FALSE(StorableScalar<bool>);
  STATIC_REQUIRE_FALSE(StorableScalar<long double>);
  STATIC_REQUIRE_FALSE(StorableScalar<const char*>);
}
