#pragma once
#include <attnscope/io/dump.hpp>

#include <algorithm>
#include <string>

/// @throws ValueError the dump has no such stack
inline const attnscope::DumpStack& stack_of(const attnscope::Dump& dump, const std::string& name) {
  const auto found = std::ranges::find(dump.stacks, name, &attnscope::DumpStack::name);
  attnscope::require<attnscope::ValueError>(found != dump.stacks.end(), "{}: there is no stack {}", dump.name,
                                            name);
  return *found;
}
