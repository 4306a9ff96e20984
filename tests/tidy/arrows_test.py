#!/usr/bin/env python3
"""Plants one fault of each kind into a copy of the source and expects arrows.py to name it."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

root = pathlib.Path(sys.argv[1])
arrows = pathlib.Path(__file__).with_name("arrows.py")

FAULTS = {
    "an include that points up": ("core/lock.cpp", '#include "holdfast/store/store.hpp"\n', "core includes store"),
    "a clock in the core": ("core/lock.cpp", "auto t = std::chrono::steady_clock::now();\n", "reads a clock"),
    "randomness in the core": ("core/lock.cpp", "std::random_device r;\n", "uses randomness"),
    "I/O in the core": ("core/lock.cpp", "#include <fstream>\n", "does I/O"),
    "the environment in base": ("base/name.cpp", 'auto h = getenv("HOME");\n', "reads the environment"),
    "a lambda in co_await": ("gateway/engine.cpp", "co_await f([] { return 1; });\n", "co_await"),
    "an arrow in NEEDS": ("store/CMakeLists.txt", "holdfast_module(net NEEDS core)\n", "NEEDS core is an arrow"),
    "a circle": ("store/CMakeLists.txt", "holdfast_module(base NEEDS core)\n", "circle"),
    "a file that is too long": ("core/lock.cpp", "//\n" * 700, "over 600 lines"),
    "a function that is too long": ("core/lock.cpp", "int f(int a,\n      int b) {\n" + "  g();\n" * 58 + "}\n", "a function has at most"),
    "a forbidden word": ("core/lock.cpp", "// the upstream\n", "say client or provider"),
}

# The same in the page of the architecture: what stands there, what shall stand there.
PAGE_FAULTS = {
    "an arrow that the page lacks": ("| `asking` | net, wire, base |", "| `asking` | net, base |", "arrows of asking differ"),
    "an arrow that the page has too much": ("| `tty` | screen, base |", "| `tty` | screen, core, base |", "arrows of tty differ"),
    "a module that the page lacks": ("| `asking` | net, wire, base |\n", "", "arrows of asking are not in the table"),
    "a module that is gone": ("| `asking` | net", "| `asking`, `tides` | net", "tides is in the table of arrows and is no module"),
    "a folder that the page lacks": ("| `metrics` | the gateway", "| | the gateway", "folder metrics is not in the table"),
    "a folder that is gone": ("| `metrics` | the gateway", "| `metrics`, `tides` | the gateway", "folder tides is not there"),
}

failed = 0
for name, (file, text, expected) in FAULTS.items():
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for part in ("src", "docs"):
            shutil.copytree(root / part, copy / part)
        target = copy / "src" / "holdfast" / file
        target.write_text(target.read_text() + text)
        run = subprocess.run([sys.executable, arrows, copy], capture_output=True, text=True, check=False)
        caught = run.returncode == 1 and expected in run.stdout
        print(("caught  " if caught else "MISSED  ") + name)
        failed += not caught
for name, (before, after, expected) in PAGE_FAULTS.items():
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for part in ("src", "docs"):
            shutil.copytree(root / part, copy / part)
        page = copy / "docs" / "design" / "architecture.md"
        text = page.read_text()
        page.write_text(text.replace(before, after, 1))
        run = subprocess.run([sys.executable, arrows, copy], capture_output=True, text=True, check=False)
        caught = before in text and run.returncode == 1 and expected in run.stdout
        print(("caught  " if caught else "MISSED  ") + name)
        failed += not caught
sys.exit(1 if failed else 0)
