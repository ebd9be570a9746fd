"""Small files, small functions. A longer one needs a line here with its reason; the list may only shrink."""

from __future__ import annotations

import ast

import pytest

from tests.rules.tree import Module, modules

FILE_LINES = 400
FUNCTION_LINES = 50
PARAMETERS = 6  # self not counted
EXEMPT: dict[str, str] = {
    "stackup.engines.desire.container._spec": "a table: one line a field of the normal form",
}


def functions(module: Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)]


def code_lines(node: ast.FunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def parameters(node: ast.FunctionDef) -> int:
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in {"self", "cls"}]
    return len(names)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_is_one_idea(module: Module) -> None:
    if module.name not in EXEMPT:
        assert len(module.text.splitlines()) <= FILE_LINES


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_functions_are_short(module: Module) -> None:
    for node in functions(module):
        if f"{module.name}.{node.name}" in EXEMPT:
            continue
        assert code_lines(node) <= FUNCTION_LINES, f"{module.relative}:{node.lineno} {node.name} is too long"
        assert parameters(node) <= PARAMETERS, f"{module.relative}:{node.lineno} {node.name} takes too many things"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_says_what_it_is_for(module: Module) -> None:
    if module.path.name != "__init__.py":
        assert ast.get_docstring(module.tree), f"{module.relative} has no opening paragraph"
