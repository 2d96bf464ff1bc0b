// fuzz TARGET [OPTION OF LIBFUZZER...] [FOLDER OF INPUTS...]: runs one target.
// fuzz --list: names them. fuzz --seeds FOLDER: writes the seeds of each to FOLDER/TARGET.
#include "fuzz.hpp"

#include <attnscope/core/atomic_file.hpp>

#include <filesystem>

namespace {

/// libFuzzer starts the program again for some of its tasks, without our argument.
constexpr const char* variable = "ATTNSCOPE_FUZZ_TARGET";

const fuzz::Target* target = nullptr;

void list_targets() {
  for (const auto& [name, one] : fuzz::targets()) std::printf("%s\n", name.c_str());
}
void write_seeds(const std::filesystem::path& folder) {
  for (const auto& [name, one] : fuzz::targets()) {
    std::filesystem::remove_all(folder / name);
    std::filesystem::create_directories(folder / name);
    std::size_t number = 0;
    for (const std::string& seed : one.seeds())
      attnscope::write_file_atomically(folder / name / std::to_string(number++), seed);
  }
}
[[noreturn]] void usage() {
  std::fprintf(stderr, "usage: fuzz TARGET [OPTION OF LIBFUZZER...] | fuzz --list | fuzz --seeds FOLDER\n");
  std::exit(2);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string first = *argc > 1 ? (*argv)[1] : "";
  if (first == "--list") {
    list_targets();
    std::exit(0);
  }
  if (first == "--seeds" && *argc == 3) {
    write_seeds((*argv)[2]);
    std::exit(0);
  }
  const char* const inherited = std::getenv(variable);
  auto found = fuzz::targets().find(first);
  if (found != fuzz::targets().end()) {
    ::setenv(variable, first.c_str(), 1);
    for (int i = 1; i < *argc; ++i) (*argv)[i] = (*argv)[i + 1];
    --*argc;
  } else if (inherited) {
    found = fuzz::targets().find(inherited);
  }
  if (found == fuzz::targets().end()) usage();
  target = &found->second;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzedDataProvider data(bytes, size);
  try {
    target->run(data);
  } catch (const attnscope::Error&) {
  }
  return 0;
}
