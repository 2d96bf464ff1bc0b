"""Which lines of include/ the tests ran, and which texts of errors they saw: python3 coverage.py ROOT BUILD PROFDATA COV.

BUILD/profiles has a profile a process, named after the signature of its program; BUILD/errors the texts that were thrown.
Each program is asked by itself, since functions of one name in two programs may differ, and a line is run if any ran it.
"""
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

root, build, profdata, cov = (pathlib.Path(argument) for argument in sys.argv[1:])
include = root / "include"


def output(*command, **options):
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          **options).stdout


def programs():
    for program in [*build.glob("tests/test_*"), *build.glob("examples/*")]:
        if program.is_file() and program.stat().st_mode & 0o100:
            yield program


def lines_run(program, folder):
    """{(file, line): whether it was run} of one program."""
    subprocess.run([program, "--help"], env={"LLVM_PROFILE_FILE": f"{folder}/{program.name}-%m.profraw"},
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    signature = next(folder.glob(f"{program.name}-*.profraw")).stem.removeprefix(f"{program.name}-")
    profiles = list((build / "profiles").glob(f"*-{signature}.profraw"))
    if not profiles:
        return {}
    merged = folder / "merged"
    output(profdata, "merge", "-sparse", "-o", merged, *profiles)
    text = output(cov, "export", program, "-instr-profile", merged, "-format", "lcov", include)
    found = {}
    for line in text.splitlines():
        if line.startswith("SF:"):
            file = line[3:]
        elif line.startswith("DA:"):
            number, count = map(int, line[3:].split(",")[:2])
            found[file, number] = count > 0
    return found


def arguments(text, start):
    """The arguments of the call whose parenthesis is at `start`."""
    parts, depth, quoted, at = [""], 0, False, start
    while True:
        char = text[at]
        if quoted:
            quoted = char != '"'
            if char == "\\":
                parts[-1] += char
                at += 1
                char = text[at]
        elif char == '"':
            quoted = True
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0:
                return parts
        elif char == "," and depth == 1:
            parts.append("")
            at += 1
            continue
        parts[-1] += char
        at += 1


def error_texts():
    """(file, line, pattern) of every text that an error of the library has in its source."""
    literal = re.compile(r'"((?:[^"\\]|\\.)*)"')
    for path in sorted(include.rglob("*.hpp")):
        text = path.read_text()
        for call in re.finditer(r"\brequire<(?:ShapeError|ValueError|FileError|Error|Kind)>\(|"
                                r"\bthrow (?:ShapeError|ValueError|FileError|Error)\(", text):
            given = arguments(text, call.end() - 1)
            words = given[1] if call.group().startswith("require") and len(given) > 1 else given[0]
            if call.group().startswith("throw") and "fmt::format(" in words:
                words = arguments(words, words.index("fmt::format(") + len("fmt::format"))[0]
            for choice in re.split(r'[?:](?=(?:[^"]*"[^"]*")*[^"]*$)', words):  # of a ? b : c each
                whole = "".join(literal.findall(choice)).encode().decode("unicode_escape", "replace")
                pieces = re.split(r"\{[^{}]*\}", whole.replace("{{", "{").replace("}}", "}"))
                if re.search(r"[a-z]{3}", whole):
                    yield path, text.count("\n", 0, call.start()) + 1, ".*".join(map(re.escape, pieces))


def main():
    run = {}
    for program in programs():
        with tempfile.TemporaryDirectory() as folder:
            for place, ran in lines_run(program, pathlib.Path(folder)).items():
                run[place] = run.get(place, False) or ran
    rooms = collections.defaultdict(lambda: [0, 0])
    for (file, number), ran in sorted(run.items()):
        room = pathlib.Path(file).relative_to(include / "attnscope").parts[0]
        for name in (room, "include/"):
            rooms[name][0] += ran
            rooms[name][1] += 1
        if not ran:
            print(f"{pathlib.Path(file).relative_to(root)}:{number}: not run: {open(file).read().splitlines()[number - 1].strip()}")
    seen = (build / "errors").read_text(errors="replace").replace("\0", "\n")
    compiled = {pathlib.Path(file) for file, _ in run}
    texts = unseen = 0
    for path, number, pattern in error_texts():
        if path not in compiled:  # what needs libtorch or MPI
            continue
        texts += 1
        if not re.search(pattern, seen):
            unseen += 1
            print(f"{path.relative_to(root)}:{number}: no test sees this error: {pattern}")
    print()
    for room, (ran, there) in sorted(rooms.items(), key=lambda item: item[0] == "include/"):
        print(f"{100 * ran / there:6.1f} %  of {there:6} lines: {room}")
    print(f"{100 * (texts - unseen) / texts:6.1f} %  of {texts:6} texts of errors")
    ran, there = rooms["include/"]
    return int(ran < 0.95 * there or texts - unseen < 0.95 * texts)


if __name__ == "__main__":
    sys.exit(main())
