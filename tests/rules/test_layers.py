"""Imports point one way: cli -> project -> engines -> {stackfile, reconcile, images, runtime} -> kernel -> leaves."""

from __future__ import annotations

import ast

import pytest

from tests.rules.tree import Module, modules

ALLOWED: dict[str, set[str]] = {}
"""Programs of their own, which have an environment and streams to themselves."""
LEAVES = {"stackup", "errors", "diagnostics", "events", "values", "layout", "stamps", "gitref", "buildcache"}
MAY_IMPORT = {
    "leaf": set(),
    "kernel": {"kernel"},
    "stackfile": {"stackfile"},
    "reconcile": {"reconcile"},
    "images": {"images", "kernel"},
    "runtime": {"runtime", "kernel"},
    "engines": {"engines", "stackfile", "reconcile", "images", "runtime", "kernel"},
    "project": {"project", "engines", "stackfile", "reconcile", "images", "runtime", "kernel"},
    "cli": {"cli", "project", "engines", "stackfile", "reconcile", "images", "runtime", "kernel"},
    "__main__": {"cli"},
}


def layer(name: str) -> str:
    parts = name.split(".")
    head = parts[1] if len(parts) > 1 else "stackup"
    if head in MAY_IMPORT:
        return head
    return "leaf" if head in LEAVES or head.startswith("__") else head


def breaches(module: Module) -> list[str]:
    allowed = MAY_IMPORT[layer(module.name)] | {"leaf"}
    ours = {name for name in module.imports() if name.split(".")[0] == "stackup"}
    return sorted(name for name in ours if layer(name) not in allowed)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_imports_only_what_lies_below_it(module: Module) -> None:
    assert breaches(module) == []


def test_no_use_case_knows_which_engine_it_runs_on() -> None:
    inside = "stackup.engines.builtin"
    wrong = [one.name for one in modules() if any(name.startswith(inside) for name in one.imports())]
    assert not [name for name in wrong if layer(name) == "project"]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_nobody_below_cli_reads_the_environment_or_prints(module: Module) -> None:
    if layer(module.name) in {"cli", "__main__"}:
        return
    calls = {ast.unparse(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
    names = {ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    assert not calls & {"print", "os.getenv", "input"}
    assert not names & {"os.environ", "sys.stdout", "sys.stderr"} - ALLOWED.get(module.name, set())
