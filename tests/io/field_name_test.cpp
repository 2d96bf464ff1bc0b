#include <attnscope/io/field_name.hpp>

#include "support/catch.hpp"

using attnscope::detail::gradient_target;
using attnscope::detail::is_dump_name;
using attnscope::detail::parse_field_name;

TEST_CASE("a field's name is its stack, layer and field") {
  const auto name = parse_field_name("cross.12.output_projection");
  REQUIRE(name);
  CHECK(name->stack == "cross");
  CHECK(name->layer == 12);
  CHECK(name->field == "output_projection");
  CHECK(parse_field_name("layers.0.mlp.weight")->field == "mlp.weight");
}

TEST_CASE("other names are no fields") {
  for (const char* name :
       {"", ".", "..", "self", "self.0", "self.0.", ".0.attention", "self..attention", "self.x.attention",
        "self.-1.attention", "self.1x.attention", "self.4294967296.attention"}) {
    CAPTURE(name);
    CHECK_FALSE(parse_field_name(name));
    CHECK_FALSE(is_dump_name(name));
  }
  CHECK(is_dump_name("input.embedding"));
}

TEST_CASE("a gradient's field may name its target") {
  CHECK(parse_field_name("self.0.attention_gradient.toxicity")->field == "attention_gradient.toxicity");
  CHECK(gradient_target("attention_gradient.toxicity") == "toxicity");
  CHECK(gradient_target("attention_gradient.label.1") == "label.1");
  for (const char* field : {"attention_gradient", "attention_gradient.", "attention_gradients",
                            "attention_gradient_x", "attention", "mlp.weight", "attention.toxicity"}) {
    CAPTURE(field);
    CHECK_FALSE(gradient_target(field));
  }
}
