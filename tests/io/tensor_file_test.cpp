#include <attnscope/io/tensor_file.hpp>

#include "support/catch.hpp"

TEST_CASE("a tensor is found by its whole name") {
  const attnscope::TensorFile file{{{"self.0.key", attnscope::raw_tensor(std::vector<float>{1, 2}, {2})}},
                                   {}};
  REQUIRE(file.find("self.0.key"));
  CHECK(file.find("self.0.key")->shape.front() == 2);
  CHECK(file.find("self.0") == nullptr);
}
