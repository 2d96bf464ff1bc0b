// Tensors of a dump, under any names, shapes and dtypes, and metadata under the keys that a dump knows.
#include "fuzz/dump_of.hpp"
#include "fuzz/readers/read_through.hpp"

void run(FuzzedDataProvider& data) { fuzz::read_through(fuzz::dump_of(data)); }
std::vector<std::string> seeds() { return fuzz::dump_seeds(); }
const fuzz::Register registered("dump", run, seeds);
