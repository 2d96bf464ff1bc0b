# awk -f docs/figures/house/house.awk tests/house_test.cmake > docs/figures/house/house.svg: the rooms of the library as floors, from the list
# that the test checks. A room stands one floor above the highest that it may include, and reaches up to below the lowest that includes it.
/^set\([a-z_]+_may / {
  gsub(/^set\(|\)$|"/, "")
  room = $1
  sub(/_may$/, "", room)
  rooms[++count] = room
  for (i = 2; i <= NF; i++) may[room, ++size[room]] = $i
}
/^set\(neighbours_are_strangers / { gsub(/^set\([a-z_]+ |\)$/, ""); strangers = $0 }

function floor_of(room,   i, below) {
  if (room in floors) return floors[room]
  floors[room] = 0
  for (i = 1; i <= size[room]; i++) {
    below = floor_of(may[room, i])
    if (below >= floors[room]) floors[room] = below + 1
  }
  return floors[room]
}

# The floor below the lowest room that includes this one; the header that includes everything does not count.
function ceiling_of(room,   i, k, lowest) {
  lowest = -1
  for (i = 1; i <= count; i++)
    for (k = 1; k <= size[rooms[i]]; k++)
      if (may[rooms[i], k] == room && rooms[i] != "attnscope" && (lowest < 0 || floors[rooms[i]] < lowest)) lowest = floors[rooms[i]]
  return lowest < 0 ? floors[room] : lowest - 1
}

function is_free(column, low, high,   f) {
  for (f = low; f <= high; f++)
    if (taken[column, f]) return 0
  return 1
}
function take(column, low, high,   f) { for (f = low; f <= high; f++) taken[column, f] = 1 }

# Towers and the headers of the ground and the roof stand on the right, the others fill their floor from the left, as far as there is room.
function place(room, from,   low, high, column) {
  low = floors[room]
  high = ceiling_of(room)
  column = from
  while (!is_free(column, low, high)) column += from > 1 ? -1 : 1
  if (column > columns || column < 1) { print "no room for " room > "/dev/stderr"; exit failed = 1 }
  take(column, low, high)
  at[room] = last_column[room] = column
  top[room] = high
}
function widen(room,   next_column) {
  for (next_column = at[room] + 1; next_column <= columns && is_free(next_column, floors[room], top[room]); next_column++) {
    take(next_column, floors[room], top[room])
    last_column[room] = next_column
  }
}

function draw(room,   x, y, w, h, i, line, rows, words) {
  x = left + (at[room] - 1) * width
  w = (last_column[room] - at[room] + 1) * width - gap
  y = head + (roof - top[room]) * height
  h = (top[room] - floors[room] + 1) * height - gap
  printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" fill=\"%s\" stroke=\"#444444\"/>\n", x, y, w, h, colour(room)
  printf "<text x=\"%d\" y=\"%d\" font-weight=\"bold\" font-size=\"14\">%s</text>\n", x + 8, y + 20, (room in file ? room ".hpp" : room "/")
  line = ""
  for (i = 1; i <= size[room]; i++) {
    words = line (line == "" ? "" : ", ") may[room, i]
    if (line != "" && length(words) * 6.2 > w - 16) {
      text(x + 8, y + 38 + 14 * rows++, line ",")
      words = may[room, i]
    }
    line = words
  }
  text(x + 8, y + 38 + 14 * rows, size[room] ? line : "includes no other room")
}
function text(x, y, words) { printf "<text x=\"%d\" y=\"%d\" font-size=\"11\">%s</text>\n", x, y, words }
function colour(room) { return room in needs ? colours[needs[room]] : colours["attnscope"] }

END {
  if (failed || !count) exit 1
  split("sweep validate version mpi attnscope", names, " ")
  for (i in names) file[names[i]]
  needs["io"] = needs["report"] = "io"
  needs["mpi"] = "mpi"
  colours["attnscope"] = "#dce9f7"
  colours["io"] = "#e3f1dc"
  colours["mpi"] = "#f8e6d0"
  columns = 6; left = 90; head = 60; width = 168; height = 92; gap = 10
  for (i = 1; i <= count; i++) if (floor_of(rooms[i]) > roof) roof = floors[rooms[i]]
  place("attnscope", columns / 2 + 1)
  place("version", columns)
  for (span = roof; span >= 2; span--)
    for (i = 1; i <= count; i++) if (ceiling_of(rooms[i]) - floors[rooms[i]] == span) place(rooms[i], columns)
  for (i = 1; i <= count; i++) if (!(rooms[i] in at)) place(rooms[i], 1)
  for (i = 1; i <= count; i++) widen(rooms[i])

  page_width = left + columns * width + 10
  page_height = head + (roof + 1) * height + 60
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"DejaVu Sans, sans-serif\" fill=\"#1a1a1a\">\n", page_width, page_height, page_width, page_height
  print "<title>The house: rooms of include/attnscope, and what each may include</title>"
  print "<desc>Floors of boxes, a room each. A room names the rooms that it may include; all of them are on floors below.</desc>"
  printf "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", page_width, page_height
  printf "<text x=\"%d\" y=\"26\" font-size=\"16\" font-weight=\"bold\">The house: a room includes the rooms that are written in it, all of them on floors below</text>\n", left
  for (f = 0; f <= roof; f++)
    printf "<text x=\"%d\" y=\"%d\" font-size=\"12\" text-anchor=\"end\">%s</text>\n", left - 12, head + (roof - f) * height + 20, (f == 0 ? "ground" : f == roof ? "roof" : "floor " f)
  for (i = 1; i <= count; i++) draw(rooms[i])
  x = left
  y = page_height - 40
  split("attnscope io mpi", order, " ")
  for (i = 1; i <= 3; i++) {
    printf "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"14\" fill=\"%s\" stroke=\"#444444\"/>\n", x, y, colours[order[i]]
    text(x + 20, y + 11, "attnscope::" order[i] (i == 1 ? "" : i == 2 ? " (and two headers of corpus/)" : ", on request, as is adapter/torch.hpp"))
    x += i == 1 ? 170 : 270
  }
  text(left, page_height - 10, "Headers of one room may include one another, but not in " strangers "/: a measure does not know its neighbours.")
  print "</svg>"
}
