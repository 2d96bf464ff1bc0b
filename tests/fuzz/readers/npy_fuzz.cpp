// A .npy file, or its header and data behind a magic and a length that are right.
#include <attnscope/io/npy.hpp>

#include "fuzz/readers/survives.hpp"
#include "support/archives.hpp"

void run(FuzzedDataProvider& data) {
  if (data.ConsumeBool()) {
    const std::string header = fuzz::text(data, 4000);
    const auto file = attnscope::test::exact_copy(attnscope::test::npy_file(header, fuzz::rest_text(data)));
    fuzz::expect(fuzz::survives_writing({{"a", attnscope::parse_npy(*file)}}, {}),
                 "an array cannot be written");
  } else {
    const std::vector<std::byte> file = fuzz::rest(data);
    fuzz::expect(fuzz::survives_writing({{"a", attnscope::parse_npy(file)}}, {}),
                 "an array cannot be written");
  }
}
std::vector<std::string> seeds() {
  using attnscope::test::npy_file;
  return {npy_file("<f4", "2, 3", std::string(24, '\1')) + '\0',
          npy_file(">f8", "1,", std::string(8, '\2')) + '\0',
          fuzz::seed_text("{'descr': '<f2', 'fortran_order': True, 'shape': (1, 2, 3), }\n") +
              std::string(12, '\3') + '\1',
          fuzz::seed_text("{'descr': '|b1', 'fortran_order': False, 'shape': (), }") + "\1\1",
          fuzz::seed_text("{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }") + "abcdef\1",
          fuzz::seed_text("{'descr': '|O', 'fortran_order': False, 'shape': (0,), }") + '\1'};
}
const fuzz::Register registered("npy", run, seeds);
