#!/usr/bin/env python3
"""Every branch of these sources is taken by a test or the simulation, or is listed with the reason why not.

    branches.py LIST COVERAGE SOURCE…

COVERAGE is what `llvm-cov export` says (its text form: lcov names no columns, so the conditions of one line, and what
several instances of a template did, could not be told apart). Red where a branch is taken by nobody and not listed, and
where a listed one is taken after all or gone. Left out: HOLDFAST_CHECK, and the default that a switch does not have.

LIST has a paragraph for each line of source, which is named by its text, since numbers move:

    machine.cpp | 1 | if (found == jobs_.end()) continue;
      The reason, in one sentence or several lines.

The number says how many sides of conditions on it nobody takes.
"""
import json
import pathlib
import re
import sys
from collections import Counter, defaultdict


def lines_of_checks(lines):
    """Numbers of the lines that belong to a HOLDFAST_CHECK."""
    inside, depth = set(), 0
    for number, line in enumerate(lines, 1):
        start = line.find("HOLDFAST_CHECK(") if depth == 0 else 0
        if start < 0:
            continue
        inside.add(number)
        code = re.sub(r'"(\\.|[^"\\])*"', "", line[start:])
        depth += code.count("(") - code.count(")")
    return inside


def untaken(path, branches):
    """(line, the condition with the side that nobody takes) of one source; several instances of a template are one."""
    lines = path.read_text().splitlines()
    checks = lines_of_checks(lines)
    counts = defaultdict(Counter)
    for line, column, end_line, end_column, true, false, *_ in branches:
        counts[line, column, end_line, end_column].update({True: true, False: false})
    for (line, column, end_line, end_column), sides in sorted(counts.items()):
        text = lines[line - 1]
        condition = text[column - 1:end_column - 1 if end_line == line else None].strip()
        no_default = text[:column - 1].endswith("switch (")
        for side in (True, False):
            if sides[side] == 0 and line not in checks and not (side and no_default):
                yield text.strip(), f"line {line}: '{condition}' is never {str(side).lower()}"


def listed(path):
    """{(file, line of source): how many}; a paragraph without its number or reason stops everything."""
    found = {}
    for paragraph in re.split(r"\n\s*\n", path.read_text()):
        rows = [row for row in paragraph.splitlines() if row.strip() and not row.startswith("#")]
        if not rows:
            continue
        entry = re.fullmatch(r"(\S+) \| (\d+) \| (.+)", rows[0])
        if entry is None or len(rows) < 2 or not all(row.startswith("  ") for row in rows[1:]):
            sys.exit(f"{path.name}: not 'FILE | how many | line of source' and its reason: {rows[0]}")
        key = entry[1], entry[3].strip()
        if key in found:
            sys.exit(f"{path.name}: twice: {rows[0]}")
        found[key] = int(entry[2])
    return found


def problems(expected, coverage, sources):
    by_path = {pathlib.Path(each["filename"]).resolve(): each["branches"] for each in coverage["data"][0]["files"]}
    seen = defaultdict(list)
    for source in sources:
        for text, side in untaken(source, by_path.get(source.resolve(), [])):
            seen[source.name, text].append(side)
    out = []
    for (name, text), sides in seen.items():
        if len(sides) > expected.get((name, text), 0):
            out.append(f"{name} | {len(sides)} | {text}\n    " + "\n    ".join(sides))
    for (name, text), number in expected.items():
        if len(seen.get((name, text), [])) < number:
            out.append(f"{name} | {text}\n    listed as {number}, untaken are {len(seen.get((name, text), []))}: "
                       "it is taken, or gone; take it off the list")
    return out, sum(map(len, seen.values()))


def main():
    expected = listed(pathlib.Path(sys.argv[1]))
    found, number = problems(expected, json.loads(pathlib.Path(sys.argv[2]).read_text()),
                             [pathlib.Path(each) for each in sys.argv[3:]])
    for each in found:
        print(each)
    print(f"branches: {number} untaken, {sum(expected.values())} listed" + (f", {len(found)} problems" if found else ""))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
