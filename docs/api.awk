# What doxygen reads instead of a header (docs/Doxyfile). The file and its names are put into the group of their room, and the
# members that a concept has said everything about, in every source and measure alike, point to it.
function say(text) { sub(/^ */, "&/** " text " */ ") }
function link(name) { return "@ref attnscope::" name " \"" name "\"." }
# Puts something else for the space behind these stops.
function unstop(stop, space, at, read) {
  read = ""
  while (at = index($0 " ", stop " ")) {
    read = read substr($0, 1, at - 1) stop space
    $0 = substr($0, at + length(stop) + 1)
  }
  $0 = read $0
}

FNR == 1 {
  room = FILENAME
  sub(/.*\/attnscope\//, "", room)
  if (room ~ /^(sweep|validate)\.hpp$/) room = "sweep"
  if (room == "version.hpp") room = "core"
  if (room == "mpi.hpp") room = "corpus"
  sub(/\/.*/, "", room)
}
/^#pragma once$/ { $0 = "/** @file */" }
/^namespace attnscope(::vector_math)? \{$/ && room !~ /\.hpp$/ { $0 = $0 " /** @addtogroup " room " */ /** @{ */"; grouped = 1 }
/^}  \/\/ namespace attnscope(::vector_math)?$/ && grouped { $0 = "/** @} */ " $0; grouped = 0 }

/^class [A-Za-z]+/ { measure = $2 ~ /Measure$|^EachExample$/ }
measure && /^  [A-Za-z]+ empty\(\) const/ { say("A measure that has seen nothing, with the same options; see " link("Measure")) }
measure && /^  void look\(const / { say("Sees some rows; see " link("Measure")) }
measure && / result\(\) const \{/ { say("What was seen so far; see " link("Measure")) }
(measure || room == "core") && /^  void merge\(/ { say("Joins what was seen later; see " link("Measure")) }
/^  static constexpr SummaryParts summary_parts/ { say("What is needed of each row; see RowSummaries.") }

/^  using Weight = / { say("float or double, what rows arrive in; see " link("AttentionSource")) }
/^  const Layout& layout\(\) const/ { say("Shape and mask; see " link("AttentionSource")) }
/^  Reader reader\(\) const/ { say("A thread's own way into the source; see " link("AttentionSource")) }
/^  static (const )?[A-Za-z]+(<.*>)?&? of\(const [A-Za-z<>]+& (source|tensor|matrix)\)/ { say("The source behind it; see AsSource.") }
/operator(==|<=>)\(const [A-Za-z]+&\) const = default;/ { say("By every field.") }
# What somebody else throws is an Error.
/@throws [a-z]/ { sub(/@throws/, "& Error") }
# What is brief ends at the first full stop, which these are not.
/\/\/\// {
  unstop("et al.", "\\ ")
  unstop(" ..", "&nbsp;")
}
# What stands above the namespace is said of the file.
/^\/\/\// {
  held = held $0 "\n"
  next
}
{
  if (/^namespace attnscope/) sub(/^\/\/\//, "/// @thisfile", held)
  printf "%s%s\n", held, $0
  held = ""
}
END { printf "%s", held }
