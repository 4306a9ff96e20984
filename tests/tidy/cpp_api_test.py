#!/usr/bin/env python3
"""Plants one fault of each kind into a copy of headers and page, and expects cpp_api.py to name it."""
import pathlib
import sys

import planted

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
cpp_api = pathlib.Path(__file__).with_name("cpp_api.py")
PAGE = "docs/reference/cpp-api.md"

# File, what stands there, what shall stand there, what is expected to be said.
FAULTS = {
    "a new function of the gateway": ("src/holdfast/gateway/gateway.hpp", "  void check_store();",
                                      "  void check_store();\n  std::vector<int> tides(int moon = 1);",
                                      "Gateway lacks tides"),
    "a new asynchronous form": ("src/holdfast/gateway/gateway.hpp", "  template <class Token>\n  auto async_cancel(",
                                "  template <class Token>\n  auto async_tides(int moon, Token&& token);\n"
                                "  template <class Token>\n  auto async_cancel(", "Gateway lacks async_tides"),
    "a new free function": ("src/holdfast/base/wall_time.hpp", "std::string spoken(",
                            "std::string tides(int);\nstd::string spoken(", "lacks tides"),
    "a new field": ("src/holdfast/core/words.hpp", "  bool resume = false;", "  bool resume = false, tides = true;",
                    "JobRequest lacks tides"),
    "a field of that name elsewhere": ("src/holdfast/core/words.hpp", "struct CancelRequest {",
                                       "struct CancelRequest {\n  std::optional<std::int64_t> percent{};",
                                       "CancelRequest lacks percent"),
    "a new callback as a field": ("src/holdfast/gateway/gateway.hpp", "on_commit{}, on_sweep{};",
                                  "on_commit{}, on_sweep{}, on_tide{};", "GatewayOptions lacks on_tide"),
    "a new value of an enum": ("src/holdfast/core/lock.hpp", "released, ended };", "released, ended, flooded };",
                               "LockState lacks flooded"),
    "a new type": ("src/holdfast/core/lock.hpp", "struct GoverningLock {",
                   "struct Tide {\n  int height = 0;\n};\nstruct GoverningLock {", "says nowhere what Tide holds"),
    "a function that the page loses": (PAGE, "| `check_store()` |", "| |", "Gateway lacks check_store"),
    "a field that the page loses": (PAGE, "recorded_first", "", "OperationRequest lacks recorded_first"),
    "a value that the page loses": (PAGE, "| `too_large` |", "| |", "Errc lacks too_large"),
    "a name that is gone": (PAGE, "`check_store()`", "`check_store()`, `sound_store()`", "says sound_store"),
}

sys.exit(1 if planted.missed(cpp_api, root, ("src", "cmake", "docs"), FAULTS) else 0)
