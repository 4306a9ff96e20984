#!/usr/bin/env python3
"""Gives branches.py a source, what was taken of it and a list, and expects what does not fit together to be named."""
import json
import pathlib
import subprocess
import sys
import tempfile

branches = pathlib.Path(__file__).with_name("branches.py")

SOURCE = """\
int f(int a) {
  if (a == 0) return 1;
  HOLDFAST_CHECK(a > 0,
                 "a is positive");
  switch (a) {
    case 1:
      return 2;
  }
}
"""
FIRST, CHECK, SWITCH, CASE = [2, 7, 2, 13], [3, 18, 3, 23], [5, 11, 5, 12], [6, 5, 6, 11]
LISTED = "x.cpp | 1 | if (a == 0) return 1;\n  Nobody sends a zero.\n"
ROUND = [FIRST + [0, 5], CHECK + [5, 0], SWITCH + [0, 5], CASE + [4, 1]]
TAKEN = [FIRST + [1, 5]] + ROUND[1:]

# What it is, what was taken, the list, what is said; nothing is said of what is well.
CASES = {
    "a branch that is listed": (ROUND, LISTED, None),
    "a branch that an instance of the template takes": (ROUND + [FIRST + [1, 0]], "", None),
    "a branch that is not listed": (ROUND, "", "'a == 0' is never true"),
    "a branch that is listed and taken": (TAKEN, LISTED, "listed as 1, untaken are 0"),
    "a line that is gone": (ROUND, LISTED + "\nx.cpp | 1 | if (b) return;\n  Of old.\n", "if (b) return;"),
    "more sides than are listed": (ROUND[1:] + [FIRST + [0, 0]], LISTED, "'a == 0' is never false"),
    "a branch of a switch": (TAKEN[:-1] + [CASE + [0, 5]], "", "'case 1' is never true"),
    "a paragraph without a reason": (ROUND, "x.cpp | 1 | if (a == 0) return 1;\n", "its reason"),
}

failed = 0
for name, (taken, listed, expected) in CASES.items():
    with tempfile.TemporaryDirectory() as folder:
        source, coverage, listing = (pathlib.Path(folder) / each for each in ("x.cpp", "x.json", "list.txt"))
        source.write_text(SOURCE)
        listing.write_text(listed)
        coverage.write_text(json.dumps({"data": [{"files": [{"filename": str(source), "branches": taken}]}]}))
        run = subprocess.run([sys.executable, branches, listing, coverage, source], capture_output=True, text=True,
                             check=False)
        said = run.stdout + run.stderr
        right = run.returncode == 0 if expected is None else run.returncode == 1 and expected in said
        print(("right   " if right else "WRONG   ") + name)
        failed += not right
sys.exit(1 if failed else 0)
