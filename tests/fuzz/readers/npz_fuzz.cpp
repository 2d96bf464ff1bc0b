// A .npz archive, or members of any name and content in an archive whose records and checksums are right.
#include <attnscope/io/npz.hpp>

#include "fuzz/readers/survives.hpp"
#include "support/archives.hpp"

std::string member(FuzzedDataProvider& data) {
  if (data.ConsumeBool()) return fuzz::text(data, 400);
  const std::string header = fuzz::text(data, 400);
  return attnscope::test::npy_file(header, fuzz::text(data, 400));
}
void read(const std::vector<std::byte>& archive) {
  const attnscope::TensorFile file = attnscope::parse_npz(archive);
  fuzz::survives_writing(file.tensors, file.metadata);
}
void run(FuzzedDataProvider& data) {
  if (data.ConsumeBool()) return read(fuzz::rest(data));
  std::vector<attnscope::test::ZipEntry> entries;
  bool pickled = false;
  while (data.remaining_bytes() > 0 && entries.size() < 4) {
    const bool suffix = data.ConsumeBool(), deflated = data.ConsumeBool(), zip64 = data.ConsumeBool();
    const std::string name = fuzz::text(data) + (suffix ? ".npy" : "");
    entries.push_back({name, member(data), deflated, zip64});
    pickled = pickled || name.ends_with("data.pkl");
  }
  read(*attnscope::test::exact_copy(attnscope::test::zip_file(entries)));
  fuzz::expect(!pickled, "a PyTorch file was read");
}
std::vector<std::string> seeds() {
  using attnscope::test::npy_file;
  const std::string array = npy_file("<f4", "2, 2", std::string(16, '\1'));
  std::vector<std::string> all;
  for (const bool deflated : {false, true})
    for (const bool zip64 : {false, true})
      all.push_back(attnscope::test::zip_file(
                        {{"a.npy", array, deflated, zip64},
                         {"tokens.npy", npy_file("<U1", "1, 2", std::string("a\0\0\0b\0\0\0", 8)), deflated},
                         {"lengths.npy", npy_file("<i8", "1,", std::string(8, '\0'))}}) +
                    '\1');
  all.push_back(attnscope::test::zip_file({{"archive/data.pkl", "\x80\x02}q.", true}}) + '\1');
  all.push_back(fuzz::seed_text("a") +
                fuzz::seed_text("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }") +
                fuzz::seed_text("abcd") + std::string("\0\0\1\1\0", 5));
  all.push_back(fuzz::seed_text("archive/data.pkl") + fuzz::seed_text("x") + std::string("\1\0\0\0\0", 5));
  return all;
}
const fuzz::Register registered("npz", run, seeds);
