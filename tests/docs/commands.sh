#!/bin/sh
# sh commands.sh SOURCE BUILD PAGE FOLDER: runs the ```sh blocks of a page one after another, as one session in an empty folder that looks
# like a checkout with a build. A ```text block right behind one is what it prints, where a line "…" stands for any lines.
set -eu
source=$1 build=$2 page=$3 folder=$4

rm -rf "$folder"
mkdir -p "$folder/build"
for part in CMakeLists.txt docs examples include tests; do ln -s "$source/$part" "$folder/$part"; done
ln -s "$build" "$folder/build/release"

awk '/^```/ { if (inside) print "echo"; inside = $0 == "```sh"; if (inside) print "echo @block " ++count; next } inside' "$page" >"$folder/session.sh"
if ! (cd "$folder" && PATH="$build/examples:$PATH" sh -eu session.sh </dev/null >printed); then
  tail -n 5 "$folder/printed"
  echo "$page: the last of these blocks failed"
  exit 1
fi
awk -v page="$page" '
  NR == FNR { if (/^@block /) { block++; lines = 0 } else printed[block, ++size[block]] = $0; next }
  /^```sh$/ { count++; open = 1; next }
  /^```text$/ && behind == 1 { expecting = 1; at = 1; any = 0; behind = 0; checked++; next }
  /^```/ { if (expecting) finish(); behind = open ? 2 : 0; open = expecting = 0; next }
  /^$/ && behind == 2 { behind = 1; next }
  !open { behind = 0 }
  !expecting { next }
  $0 == "…" { any = 1; next }
  {
    while (any && at <= size[count] && printed[count, at] != $0) at++
    if (printed[count, at] != $0 || at > size[count]) fault(FNR ": " $0 "\nbut printed was: " printed[count, at])
    at++
    any = 0
  }
  function finish() { while (printed[count, at] == "" && at <= size[count]) at++; if (!any && at <= size[count]) fault(FNR ": the end\nbut printed was: " printed[count, at]) }
  function fault(text) { print page ":" text; exit failed = 1 }
  END { if (!failed) print page ": " count " blocks ran, " checked + 0 " of them printed what the page says"; exit failed }
' "$folder/printed" "$page"
