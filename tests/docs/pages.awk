# awk -f tests/docs/pages.awk README.md docs/*.md, from the repository's root: every relative link of the pages leads to a file, and
# to a heading where it names one; every page is reached from README.md; every figure is shown; every header that is named exists.
BEGIN {
  while (("find include examples tests -name '*.hpp'" | getline path) > 0) {
    headers[path]
    sub(/.*\//, "", path)
    headers[path]
  }
  while (("find docs/figures -name '*.svg'" | getline path) > 0) figures[path]
}

FNR == 1 { fenced = 0; pages[FILENAME] }
/^ *```/ { fenced = !fenced; next }
!fenced && /^#+ / { add_heading($0) }
{ check_headers($0) }
!fenced && !/^    / { add_links($0) }

# As GitHub makes anchors: small letters, no punctuation, hyphens for spaces; a number behind one that stands already.
function add_heading(text) {
  sub(/^#+ +/, "", text)
  gsub(/\]\([^)]*\)/, "", text)
  text = tolower(text)
  gsub(/[!-,.\/:-@\[-^`{-~]/, "", text)  # ASCII's, but for hyphens and underscores
  gsub(/ /, "-", text)
  if ((FILENAME, text) in seen) text = text "-" seen[FILENAME, text]++
  else seen[FILENAME, text] = 1
  anchors[FILENAME "#" text]
}

function add_links(text,   target) {
  gsub(/`[^`]*`/, "", text)
  while (match(text, /\]\([^) ]*\)/)) {
    target = substr(text, RSTART + 2, RLENGTH - 3)
    text = substr(text, RSTART + RLENGTH)
    if (target ~ /^[a-z]+:/) continue
    links++
    link_from[links] = FILENAME
    link_line[links] = FNR
    link_to[links] = resolved(FILENAME, target)
  }
}

function resolved(page, target,   path) {
  if (target ~ /^#/) return page target
  path = page
  if (!sub(/\/[^\/]*$/, "/", path)) path = ""
  path = path target
  while (sub(/[^\/.][^\/]*\/\.\.\//, "", path)) continue
  return path
}

# room/name.hpp, with or without attnscope/ before it, and name.hpp alone.
function check_headers(text,   name) {
  while (match(text, /[A-Za-z0-9_.\/-]*[a-z0-9_]\.hpp/)) {
    name = substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART + RLENGTH)
    if (!(name in headers) && !("include/" name in headers) && !("include/attnscope/" name in headers) && !(resolved(FILENAME, name) in headers))
      fault(FILENAME ":" FNR ": there is no header " name)
  }
}

function fault(text) { print text; faults++ }

END {
  for (i = 1; i <= links; i++) {
    split(link_to[i], part, "#")
    leads_to[part[1]]
    leads[link_from[i], part[1]]
    if (link_to[i] ~ /#/ && !(link_to[i] in anchors))
      fault(link_from[i] ":" link_line[i] ": there is no heading " link_to[i])
    else if (!(part[1] in pages) && system("test -e '" part[1] "'"))
      fault(link_from[i] ":" link_line[i] ": there is no file " part[1])
  }
  for (figure in figures)
    if (!(figure in leads_to)) fault(figure ": no page shows it")

  reached["README.md"]
  do {
    more = 0
    for (from in reached)
      for (page in pages)
        if (!(page in reached) && (from, page) in leads) {
          reached[page]
          more = 1
        }
  } while (more)
  for (page in pages)
    if (!(page in reached)) fault(page ": no way leads there from README.md")
  if (!links || !("README.md#quickstart" in anchors)) fault("no links, or no headings, were found")
  exit faults > 0
}
