"""A monitor lives for months: what it loads is listed, and it waits by no clock that can be set."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.rules.tree import ROOT, modules

ALLOWED = {
    "__future__", "_collections_abc", "_sre", "_thread", "array", "ast", "base64", "binascii", "bisect", "codecs", "collections", "copyreg", "ctypes", "encodings",
    "enum", "errno", "fcntl", "fnmatch", "functools", "gc", "genericpath", "grp", "heapq", "io", "ipaddress", "itertools",
    "json", "keyword", "math", "operator", "os", "posix", "posixpath", "pwd", "random", "re", "reprlib", "resource", "select",
    "selectors", "signal", "socket", "stackup", "stat", "struct", "sys", "termios", "time", "tty", "types", "zlib",
}  # fmt: skip
"""What a launcher, and so a monitor, may have loaded; a name with an underscore in front is an inner half of one."""
WALL_CLOCK = {
    "chronicle": {"note", "coming"},
    "logs": {"_advance"},
    "logwriter": {"write", "end", "_account"},
    "prober": {"_probe", "_finish"},
    "monitor": {"_answered", "_ended", "_fail"},
}
"""In `runtime`: where a moment is written down for people. Nothing may wait by that clock, since it can be set."""


def test_a_monitor_loads_what_it_needs_and_no_more() -> None:
    code = "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1]); import stackup.runtime.launcher; "
    code += "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    words = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
    loaded = set(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())
    assert "stackup" in loaded
    assert {name for name in loaded if name not in ALLOWED and name.lstrip("_") not in ALLOWED} == set()


def test_no_monitor_waits_by_a_clock_that_can_be_set() -> None:
    for module in modules():
        if not module.name.startswith("stackup.runtime.") or "time.time" not in module.text:
            continue
        for function in (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)):
            calls = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
            if {"time.time", "time.time_ns"} & set(calls):
                known = WALL_CLOCK.get(module.name.removeprefix("stackup.runtime."), set())
                assert function.name in known, f"{module.name}.{function.name} reads the clock that can be set"
