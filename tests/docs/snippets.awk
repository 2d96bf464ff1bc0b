# Writes every ```cpp block of a Markdown page to <folder>/<stem>_<number>.hpp, and the paths to standard output. A block is a
# whole program; its main() becomes int run(), with the return at the end that only main() may leave out.
/^```cpp$/ { inside = 1; count++; lines = 0; next }
/^```/ { if (inside) write(folder "/" stem "_" count ".hpp"); inside = 0 }
inside { sub(/^int main\(\)/, "int run()"); line[++lines] = $0 }

function write(file) {
  for (i = 1; i < lines; i++) print line[i] > file
  if (line[lines] == "}") print "  return 0;" > file
  print line[lines] > file
  close(file)
  print file
}
