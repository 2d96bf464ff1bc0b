#!/usr/bin/env python3
"""Plants the bugs of bugs.txt, one at a time, in a copy of the tree, and expects the tests that each names to fail.

The compiler is $CXX, or g++; its flags are pkg-config's and $CXXFLAGS. docs/mutations.md says more."""
import argparse
import os
import queue
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("bugs.txt")
COPIED = ["include", "tests", "examples"]
PACKAGES = ["eigen3", "fmt", "nlohmann_json", "zlib"]
PARSED_ONCE = ["<fmt/ranges.h>", "<nlohmann/json.hpp>", "<unsupported/Eigen/CXX11/Tensor>",
               "<unsupported/Eigen/SpecialFunctions>", "<filesystem>", "<functional>", "<random>", "<ranges>", "<set>",
               "<thread>", '"tests/support/catch.hpp"']
# Tests of programs: CMake scripts, and which program each of their variables names.
PROGRAM_TESTS = {"tests/examples/corpus_test.cmake": {"CORPUS": "examples/corpus.cpp"}}
LONGEST_RUN = 300  # seconds; a test that takes longer hangs
FAILS = "red"


class Fault(Exception):
    """Something is wrong with the list or with the tree as it is."""


class Bug:
    def __init__(self, name, says, line):
        self.name, self.says, self.line = name, says, line
        self.file, self.old, self.new, self.tests = None, [], [], []

    @property
    def room(self):
        parts = Path(self.file).parts
        return parts[2].removesuffix(".hpp") if parts[0] == "include" else parts[0]

    def planted(self, text):
        """The text with the bug. White space does not count, so that a line may be broken elsewhere."""
        letters = "".join("".join(self.old).split())
        places = list(re.finditer(r"\s*".join(map(re.escape, letters)), text))
        if len(places) != 1:
            raise Fault(f"{self.name} (line {self.line}): its text occurs {len(places)} times in {self.file}")
        begin, end = places[0].span()
        return text[:begin] + "\n".join(self.new) + text[end:]


def read_bugs(text):
    """Of each bug: "[name] what it is", "in FILE", lines of "- text", lines of "+ text", "red TEST ...\""""
    bugs, names = [], set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        heading = re.fullmatch(r"\[([a-z0-9-]+)\] (.+)", line)
        word, _, rest = line.partition(" ")
        if heading:
            bugs.append(Bug(*heading.groups(), number))
            if heading[1] in names:
                raise Fault(f"line {number}: the name {heading[1]} stands twice")
            names.add(heading[1])
        elif not bugs or word not in ("in", "-", "+", "red"):
            raise Fault(f"line {number} is no part of a bug: {line}")
        elif word == "in":
            bugs[-1].file = rest
        elif word == "red":
            bugs[-1].tests += rest.split()
        else:
            (bugs[-1].old if word == "-" else bugs[-1].new).append(rest)
    for bug in bugs:
        if not (bug.file and bug.old and bug.tests):
            raise Fault(f"{bug.name} (line {bug.line}) lacks a file, a text or a test")
    return bugs


def check_bugs(bugs):
    for bug in bugs:
        for file in [bug.file, *bug.tests]:
            if not (ROOT / file).is_file():
                raise Fault(f"{bug.name} (line {bug.line}): there is no {file}")
        bug.planted((ROOT / bug.file).read_text())


def output_of(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


class Toolbox:
    """The compiler, its flags, and the main function of the tests, which no bug changes."""

    def __init__(self, folder):
        self.compiler = shlex.split(os.environ.get("CXX", "g++"))
        self.flags = ["-std=c++20", "-O0", "-w", *output_of(["pkg-config", "--cflags", *PACKAGES]),
                      *shlex.split(os.environ.get("CXXFLAGS", ""))]
        self.libraries = [*output_of(["pkg-config", "--libs", *PACKAGES]), "-pthread"]
        self.main = self.catch_main(folder)

    def catch_main(self, folder):
        package = "catch2-with-main"
        if subprocess.run(["pkg-config", "--exists", package]).returncode == 0:
            return output_of(["pkg-config", "--libs", package])
        object_file = folder / "catch_main.o"
        self.must_run([*self.compiler, *self.flags, "-c", ROOT / "tests/support/catch_main.cpp", "-o", object_file])
        return [str(object_file)]

    @staticmethod
    def must_run(command):
        if subprocess.run(command).returncode != 0:
            raise Fault(f"failed: {shlex.join(map(str, command))}")


class Tree:
    """A copy of the sources, where one bug at a time is planted, and what was compiled of the copy without."""

    def __init__(self, folder, tools):
        self.folder, self.tools, self.objects = folder, tools, folder / "objects"
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name)
        self.objects.mkdir()
        self.parsed = folder / "parsed_once.hpp"
        self.parsed.write_text("".join(f"#include {header}\n" for header in PARSED_ONCE))
        tools.must_run([*tools.compiler, *tools.flags, "-x", "c++-header", self.parsed, "-o", f"{self.parsed}.gch"])
        self.known = {}  # source: (object, files that it is made of)

    def compiled(self, source, bug):
        """(object, files that it is made of), or the compiler's message."""
        if source in self.known and not (bug and bug.file in self.known[source][1]):
            return self.known[source]
        target = self.objects / (source.replace("/", "_") + (".bug.o" if bug else ".o"))
        depends = target.with_suffix(".d")
        command = [*self.tools.compiler, *self.tools.flags, "-include", self.parsed, "-I", self.folder / "include",
                   "-I", self.folder / "tests", "-I", self.folder / "examples", "-I", self.folder,
                   f'-DATTNSCOPE_TEST_DIR="{self.folder}/tests"', f'-DATTNSCOPE_EXAMPLE_DATA="{self.folder}/examples/data"',
                   "-MMD", "-MF", depends, "-c", self.folder / source, "-o", target]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            return done.stderr
        files = {Path(os.path.normpath(word)) for word in depends.read_text().split() if word.startswith("/")}
        found = target, {str(file.relative_to(self.folder)) for file in files if file.is_relative_to(self.folder)}
        if not bug or bug.file not in found[1]:
            self.known[source] = target.rename(target.with_suffix(".green.o")), found[1]
            return self.known[source]
        return found

    def units(self, source, bug=None):
        """(objects of a program, whether the bug is in any), or the compiler's message."""
        objects, holds_bug, waiting, seen = [], False, [source], set()
        while waiting:
            unit = waiting.pop()
            seen.add(unit)
            found = self.compiled(unit, bug)
            if isinstance(found, str):
                return found
            objects.append(found[0])
            holds_bug = holds_bug or (bug is not None and bug.file in found[1])
            # A header of the examples that has a source of its name comes with that.
            waiting += [cpp for cpp in (str(Path(f).with_suffix(".cpp")) for f in found[1] if f.startswith("examples/"))
                        if cpp not in seen and (self.folder / cpp).is_file()]
        return objects, holds_bug

    def program(self, source, bug, libraries):
        """(program, whether the bug is in it), or what the compiler or the linker says."""
        built = self.units(source, bug)
        if isinstance(built, str):
            return built
        program = self.objects / source.replace("/", "_").removesuffix(".cpp")
        done = subprocess.run([*self.tools.compiler, *built[0], *libraries, *self.tools.libraries, "-o", program],
                              capture_output=True, text=True)
        return (program, built[1]) if done.returncode == 0 else done.stderr

    def outcome(self, test, bug=None):
        """"green", FAILS, or what is wrong with the list: "does not compile", "is not in the test", "hangs"."""
        if test.endswith(".cmake"):
            programs, libraries = PROGRAM_TESTS[test], []
        else:
            programs, libraries = {"": test}, self.tools.main
        built, holds_bug = {}, False
        for variable, source in programs.items():
            made = self.program(source, bug, libraries)
            if isinstance(made, str):
                return "does not compile:\n" + made[:500]
            built[variable] = made[0]
            holds_bug = holds_bug or made[1]
        if bug and not holds_bug:
            return f"is not in the test: {test} does not include {bug.file}"
        if test.endswith(".cmake"):
            command = ["cmake", *[f"-D{variable}={program}" for variable, program in built.items()],
                       f"-DDATA={self.folder}/tests/data", "-P", self.folder / test]
        else:
            command = [built[""]]
        with tempfile.TemporaryDirectory(dir=self.folder) as empty:
            try:
                done = subprocess.run(command, cwd=empty, capture_output=True, timeout=LONGEST_RUN)
            except subprocess.TimeoutExpired:
                return "hangs"
        return "green" if done.returncode == 0 else FAILS

    def verdict(self, bug, greens):
        """FAILS, or why not."""
        for test in bug.tests:
            if test not in greens:
                greens[test] = self.outcome(test)
            if greens[test] != "green":
                raise Fault(f"{test} without any bug: {greens[test]}")
        file = self.folder / bug.file
        text = file.read_text()
        file.write_text(bug.planted(text))
        try:
            for test in bug.tests:
                found = self.outcome(test, bug)
                if found != FAILS:
                    return f"SURVIVES {test}" if found == "green" else found
            return FAILS
        finally:
            file.write_text(text)


def run(bugs, jobs, folder):
    """[bug] its verdict."""
    tools, trees, greens = Toolbox(folder), queue.Queue(), {}
    for number in range(jobs):
        trees.put(Tree(folder / f"tree{number}", tools))

    def judge(bug):
        tree, begin = trees.get(), time.monotonic()
        try:
            verdict = tree.verdict(bug, greens)
        finally:
            trees.put(tree)
        seconds = time.monotonic() - begin
        print(f"{bug.room:12} {bug.name:32} {seconds:5.0f} s  {verdict}", flush=True)
        return verdict

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(judge, bugs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="bugs, or rooms; all of them if none is named")
    parser.add_argument("--applies", action="store_true",
                        help="only check that the text of every bug occurs exactly once")
    parser.add_argument("--jobs", type=int, default=1, help="compilers at a time (default: 1)")
    options = parser.parse_args()
    bugs = read_bugs(LIST.read_text())
    check_bugs(bugs)
    if options.applies:
        return print(f"{len(bugs)} bugs in {len({bug.room for bug in bugs})} rooms can be planted")
    unknown = set(options.names) - {bug.name for bug in bugs} - {bug.room for bug in bugs}
    if unknown:
        raise Fault(f"there is no bug or room {', '.join(sorted(unknown))}")
    chosen = [bug for bug in bugs if not options.names or {bug.name, bug.room} & set(options.names)]
    chosen.sort(key=lambda bug: bug.tests)  # what was compiled for one is used for the next
    with tempfile.TemporaryDirectory() as folder:
        verdicts = run(chosen, options.jobs, Path(folder).resolve())
    left = [bug for bug, verdict in zip(chosen, verdicts) if verdict != FAILS]
    print(f"\n{len(chosen)} bugs in {len({bug.room for bug in chosen})} rooms, {len(chosen) - len(left)} found, "
          f"{len(left)} not{': ' if left else ''}{', '.join(bug.name for bug in left)}")
    return 1 if left else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fault as fault:
        sys.exit(f"mutations: {fault}")
