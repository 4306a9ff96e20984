#!/usr/bin/env python3
"""The shape of the source, as a test.

Reads the NEEDS of every module's CMakeLists.txt and every include below src/holdfast, and fails on an arrow that is not
allowed, on a cycle, and on clocks, randomness, environment or I/O in the pure modules.
Further rules: what this toolchain does not forgive, files and functions that grow too long, words that the project does
not use. The tables of docs/design/architecture.md say the same modules, folders and arrows.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
source = root / "src" / "holdfast"
problems = []

# The arrows of the architecture: what each module may need. A module that is not here may not exist.
ALLOWED = {
    "base": set(),
    "core": {"base"},
    "profiles": {"core", "base"},
    "wire": {"core", "base"},
    "api": {"core", "base"},
    "net": {"base"},
    "tls": {"net", "base"},
    "access": {"net", "base"},
    "process": {"base"},
    "toml": {"base"},
    "rulebased": {"base"},
    "cards": {"base"},
    "asking": {"net", "wire", "base"},
    "store": {"api", "core", "base"},
    "gateway": {"profiles", "store", "core", "base"},
    "providers": {"gateway", "wire", "net", "tls", "process", "rulebased", "cards", "asking", "toml", "profiles", "store",
                  "core", "base"},
    "proxy": {"gateway", "wire", "net", "access", "profiles", "store", "core", "base"},
    "jobs": {"providers", "toml", "process", "net", "gateway", "profiles", "store", "core", "base"},
    "metrics": {"gateway", "profiles", "store", "core", "base"},
    "control": {"api", "gateway", "jobs", "net", "access", "profiles", "store", "core", "base"},
    "config": {"toml", "gateway", "providers", "jobs", "net", "profiles", "store", "process", "core", "base"},
    "screen": {"api", "profiles", "core", "base"},
    "tty": {"screen", "base"},
    "line": {"config", "toml", "jobs", "process", "profiles", "store", "core", "base"},
    "kept": {"line", "screen", "jobs", "control", "api", "net", "tls", "config", "providers", "process", "gateway", "store", "core", "base"},
    "notify": {"api", "net", "tls", "config", "process", "gateway", "store", "core", "base"},
    "serve": {"control", "metrics", "proxy", "wire", "api", "config", "providers", "net", "tls", "access", "gateway", "profiles", "store",
              "core", "base"},
    "cli": None,  # everything
}
PURE = {"base", "core", "profiles", "wire", "api", "rulebased", "screen"}
# Where a pure module touches the world after all, and why.
PURE_EXCEPTIONS = {
    "base/check.cpp": "a broken invariant is said on stderr before the process stops",
    "profiles/load.cpp": "reads the file that its caller names; everything else takes text",
}
IMPURE = [
    (r"steady_clock|system_clock|high_resolution_clock|\btime\s*\(\s*(NULL|nullptr|0)", "reads a clock"),
    (r"\brandom_device\b|\bmt19937\b|\bs?rand\s*\(", "uses randomness"),
    (r"\bgetenv\b|\bsetenv\b", "reads the environment"),
    (r"\b(fopen|f?printf|fputs|puts|fwrite)\s*\(", "does I/O"),
    (r"#include <(fstream|iostream|thread|future|mutex|condition_variable|unistd\.h|fcntl\.h|sys/)", "does I/O or threads"),
    (r"#include <boost/(asio|beast|process)", "does I/O"),
]
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
# Functions that are longer, and why.
FUNCTION_EXCEPTIONS = {
    "Relay::pass_answer": "one coroutine from top to bottom, so that it never asks what state it is in",
}


def module_of(path):
    parts = path.relative_to(source).parts
    return parts[1] if len(parts) > 2 else parts[0]  # a folder in a module's folder is a module of its own


def needs_of_modules():
    needs = {}
    for cmake in source.rglob("CMakeLists.txt"):
        text = re.sub(r"#.*", "", cmake.read_text())
        for call in re.findall(r"holdfast_module\(([^)]*)\)", text):
            words = call.split()
            name, listed, inside = words[0], set(), False
            for word in words[1:]:
                if re.fullmatch(r"[A-Z_]+", word):
                    inside = word == "NEEDS"
                elif inside:
                    listed.add(word)
            needs.setdefault(name, set()).update(listed)
    return needs


def check_modules(needs):
    for name, listed in sorted(needs.items()):
        if name not in ALLOWED:
            problems.append(f"module {name}: not in the architecture")
        elif ALLOWED[name] is not None:
            for extra in sorted(listed - ALLOWED[name]):
                problems.append(f"module {name}: NEEDS {extra} is an arrow that points up")
    done, path = set(), []

    def visit(name):
        if name in path:
            problems.append("modules in a circle: " + " -> ".join(path + [name]))
            return
        if name in done:
            return
        path.append(name)
        for needed in needs.get(name, ()):
            visit(needed)
        path.pop()
        done.add(name)

    for name in needs:
        visit(name)


def listed_in_code(cell):
    return re.findall(r"`([^`]+)`", cell)


def table_below(heading, page):
    """The rows of the first table below a heading, as lists of cells."""
    chapter = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in chapter.splitlines() if line[:1] == "|"]
    return rows[2:]


def check_page(needs):
    """The tables of the architecture say the modules, their folders and the arrows that are allowed, and no others."""
    path = root / "docs" / "design" / "architecture.md"
    page = path.read_text()
    where = path.relative_to(root)
    arrows = {}
    for cells in table_below("Arrows", page):
        may = set() if cells[1] == "nothing" else None if cells[1] == "everything" else set(re.split(r",\s*", cells[1]))
        for name in listed_in_code(cells[0]):
            arrows[name] = may
    for name in sorted(ALLOWED.keys() | arrows.keys()):
        if name not in arrows:
            problems.append(f"{where}: the arrows of {name} are not in the table")
        elif name not in ALLOWED:
            problems.append(f"{where}: {name} is in the table of arrows and is no module")
        elif arrows[name] != ALLOWED[name]:
            differ = sorted((arrows[name] or set()) ^ (ALLOWED[name] or set())) or ["everything"]
            problems.append(f"{where}: the arrows of {name} differ from those that are allowed: {', '.join(differ)}")
    said = {name for cells in table_below("Folders", page) for name in listed_in_code(cells[0])}
    there = {cmake.parent.relative_to(source).as_posix() for cmake in source.rglob("CMakeLists.txt")} - {"."}
    for name in sorted(said ^ there):
        problems.append(f"{where}: the folder {name} " + ("is not there" if name in said else "is not in the table"))
    for name in sorted(ALLOWED.keys() - needs.keys()):
        problems.append(f"module {name}: is allowed arrows, and is not there")


def check_includes(needs):
    for path in sorted(list(source.rglob("*.hpp")) + list(source.rglob("*.cpp"))):
        relative = path.relative_to(source).as_posix()
        if relative == "holdfast.hpp":
            continue
        module = module_of(path)
        text = path.read_text()
        is_test = path.stem.endswith("_test") or path.stem.endswith("_driver")
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{path.relative_to(root)}:{number}"
            include = re.match(r'#include ["<](holdfast/([^">]+))[">]', line)
            if include:
                target = include.group(2)
                folders = target.split("/")[:-1]
                other = folders[-1]
                if target == "holdfast.hpp":
                    problems.append(f"{where}: the umbrella header is for users")
                elif other != module and other not in needs.get(module, set()):
                    problems.append(f"{where}: {module} includes {other}, which its NEEDS do not name")
            if module in PURE and not is_test and relative not in PURE_EXCEPTIONS:
                code = line.split("//")[0]
                for pattern, what in IMPURE:
                    if re.search(pattern, code):
                        problems.append(f"{where}: {module} is pure, but this {what}")
        # g++ 12 destroys such temporaries twice.
        code = re.sub(r"//[^\n]*", "", text)
        if re.search(r"co_await[^;]*[{\[]", code):
            problems.append(f"{path.relative_to(root)}: an aggregate or lambda inside a co_await expression")
        if text.count("\n") > FILE_LINES_MAX:
            problems.append(f"{path.relative_to(root)}: over {FILE_LINES_MAX} lines; does it hold two subjects?")


def check_functions():
    """The layout is clang-format's: a body ends with a brace alone in the column in which its head began."""
    for path in sorted(list(source.rglob("*.hpp")) + list(source.rglob("*.cpp"))):
        if path.stem.endswith("_test"):
            continue  # tables of cases
        began = {"": (0, ""), "  ": (0, "")}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            indent, text = re.match(r"( *)(.*)", line).groups()
            if indent not in began:
                continue
            if text == "}":
                first, head = began[indent]
                if number - first >= FUNCTION_LINES_MAX and not any(f"{name}(" in head for name in FUNCTION_EXCEPTIONS):
                    problems.append(f"{path.relative_to(root)}:{first}: {number - first + 1} lines up to the closing "
                                    f"brace; a function has at most {FUNCTION_LINES_MAX}")
            elif text and not re.match(r"[}#)]|//|(public|private|protected):", text):
                began[indent] = (number, text)


def check_folders():
    for folder in sorted({p.parent for p in source.rglob("*.cpp")}):
        sources = [p for p in folder.glob("*.cpp") if not p.stem.endswith("_test")]
        if len(sources) > 16:
            problems.append(f"{folder.relative_to(root)}: {len(sources)} sources; split it by subject")
        if folder.name in ("utils", "util", "helpers", "common", "misc"):
            problems.append(f"{folder.relative_to(root)}: a folder is named after its subject")


# Written so that no search for these words finds it.
UNFINISHED = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b")


def check_words():
    for path in sorted(list(source.rglob("*.hpp")) + list(source.rglob("*.cpp"))):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"\b(upstream|downstream)\b", line, re.I):
                problems.append(f"{path.relative_to(root)}:{number}: say client or provider")
            if UNFINISHED.search(line):
                problems.append(f"{path.relative_to(root)}:{number}: unfinished, by its own words")


def main():
    needs = needs_of_modules()
    if not needs:
        problems.append("no modules were found below " + str(source))
    check_modules(needs)
    check_page(needs)
    check_includes(needs)
    check_functions()
    check_folders()
    check_words()
    for problem in problems:
        print(problem)
    print(f"{len(needs)} modules, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
