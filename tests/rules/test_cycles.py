"""No module is needed by what it needs: the order in which they load is the order in which they can be read."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from tests.rules.tree import modules, runtime_imports


def test_imports_have_no_cycles() -> None:
    needs = {module.name: runtime_imports(module) for module in modules()}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as problem:
        raise AssertionError(" -> ".join(problem.args[1])) from None
