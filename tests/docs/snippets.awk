# Writes every ```cpp block of a Markdown page to <folder>/<stem>_<number>.cpp, and the paths to standard output.
/^```cpp$/ { inside = 1; file = folder "/" stem "_" ++count ".cpp"; print file; printf "" > file; next }
/^```/ { if (inside) close(file); inside = 0 }
inside { print > file }
