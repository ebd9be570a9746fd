"""Writes `hot_table.py` from the grammar that typer knows: one line a command. Run by `just hot`, checked by a test.

A token is `name|kind|option,option|default`; an argument has no options. Kinds: flag, off (the other side of a flag),
text, number, texts; for arguments one, count, maybe, many, some. `rest` marks a command that passes its rest on.
"""

from __future__ import annotations

import os
from typing import Any, get_args, get_type_hints

from stackup.cli.app import command, global_flags, global_parameters, signature_of
from stackup.cli.verbs import VERBS

HEAD = '''"""The command line as a table, so that no command waits for typer. Written by `just hot`."""

# ruff: noqa: E501
'''


def table() -> tuple[str, dict[str, str]]:
    """The global options' line and each command's."""
    flags = " ".join(filter(None, (_option(item, _hints(global_flags)) for item in global_parameters())))
    return flags, {verb: _line(verb) for verb in VERBS}


def text() -> str:
    flags, lines = table()
    rows = "".join(f'    "{verb}": "{line}",\n' for verb, line in sorted(lines.items()))
    return f'{HEAD}\nGLOBALS = "{flags}"\n\nVERBS = {{\n{rows}}}\n'


def write() -> None:
    path = os.path.join(os.path.dirname(__file__), "hot_table.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text())


def _line(verb: str) -> str:
    found, hints = command(verb), _hints(signature_of(verb))
    tokens = [
        _argument(item, hints) if item.param_type_name == "argument" else _option(item, hints) for item in found.params
    ]
    if not found.allow_interspersed_args:
        tokens.append("rest")
    return " ".join(filter(None, tokens))


def _hints(signature: Any) -> dict[str, Any]:
    return get_type_hints(signature)


def _option(item: Any, hints: dict[str, Any]) -> str:
    if item.name == "help":
        return ""
    kind = "flag" if item.is_flag else "texts" if item.multiple else _value_kind(hints[item.name])
    default = item.default
    told = "" if default in (None, False) or item.multiple else "1" if default is True else str(default)
    token = f"{item.name}|{kind}|{','.join(item.opts)}|{told}"
    if item.secondary_opts:
        token += f" {item.name}|off|{','.join(item.secondary_opts)}|"
    return token


def _argument(item: Any, hints: dict[str, Any]) -> str:
    if item.nargs == -1:
        return f"{item.name}|{'some' if item.required else 'many'}||"
    kind = "count" if _value_kind(hints[item.name]) == "number" else "one" if item.required else "maybe"
    return f"{item.name}|{kind}||"


def _value_kind(hint: Any) -> str:
    return "number" if int in (hint, *get_args(hint)) else "text"
