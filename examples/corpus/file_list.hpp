#pragma once
// Which files a corpus is of: names, patterns, a list.
#include <attnscope/core/errors.hpp>

#include <glob.h>

#include <filesystem>
#include <fstream>
#include <istream>
#include <string>
#include <vector>

/// The file itself where there is one of that name, or where it is no pattern; else those that match, by
/// name.
/// @throws ValueError none does
inline std::vector<std::string> matching_files(const std::string& pattern) {
  if (std::filesystem::exists(pattern) || pattern.find_first_of("*?[") == pattern.npos) return {pattern};
  ::glob_t found{};
  const int failed = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<std::string> files(found.gl_pathv, found.gl_pathv + (failed == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  attnscope::require<attnscope::ValueError>(!files.empty(), "no file matches {}", pattern);
  return files;
}
/// A file a line; empty lines are none.
inline std::vector<std::string> listed_files(std::istream& list) {
  std::vector<std::string> files;
  for (std::string line; std::getline(list, line);)
    if (!line.empty()) files.push_back(line);
  return files;
}
