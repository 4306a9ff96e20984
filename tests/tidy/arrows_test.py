#!/usr/bin/env python3
"""Plants one fault of each kind into a copy of the source and expects arrows.py to name it."""
import pathlib
import sys

import planted

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

faults = {name: ("src/holdfast/" + file, "", text, expected) for name, (file, text, expected) in FAULTS.items()}
faults |= {name: ("docs/design/architecture.md", *fault) for name, fault in PAGE_FAULTS.items()}
sys.exit(1 if planted.missed(arrows, root, ("src", "docs"), faults) else 0)
