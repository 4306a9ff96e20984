#!/usr/bin/env python3
"""Runs a program and compares its output with an expected one, line by line. <number> and <time> stand for themselves."""
import pathlib
import re
import subprocess
import sys

run = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=False)
expected = pathlib.Path(sys.argv[2]).read_text().splitlines()
got = run.stdout.splitlines()


def matches(pattern, line):
    regex = re.escape(pattern).replace("<number>", r"\d+(\.\d+)?").replace("<time>", r"\d\d:\d\d:\d\d")
    return re.fullmatch(regex, line) is not None


wrong = [i for i in range(max(len(got), len(expected)))
         if i >= len(got) or i >= len(expected) or not matches(expected[i], got[i])]
if run.returncode != 0 or wrong:
    print(f"exit status {run.returncode}, wrong lines: {[i + 1 for i in wrong]}")
    print("--- expected", *expected, "--- got", *got, "--- stderr", run.stderr, sep="\n")
    sys.exit(1)
print(f"{len(got)} lines as expected")
