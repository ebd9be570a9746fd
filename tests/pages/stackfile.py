"""The page of stack files: the canonical table and the merge table as prose, each example worked by the rule itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from stackup.diagnostics import Diagnostics
from stackup.stackfile import canonical, merge
from stackup.stackfile.document import Node, plain
from stackup.stackfile.form import Words
from stackup.stackfile.parse import parse
from stackup.stackfile.patterns import Table, rows

SHORT = """
## Short forms

Before files are joined, every value is brought to its long form, one file at a time. `*` is any name, or any item.

| what it means | an example | is | where |
| --- | --- | --- | --- |"""
MERGED = """
## Several files

Of several files, documents, `include` and `extends`, the later is laid over the earlier: mappings are joined by key,
lists appended, single values replaced. `!override` replaces whatever the rule is, `!reset` removes. Other rules:

| what it means | earlier | later | together | where |
| --- | --- | --- | --- | --- |"""


def page() -> str:
    head = Path(__file__).with_suffix(".md").read_text().rstrip()
    return "\n".join([head, SHORT, *_by_rule(_short()), MERGED, *_by_rule(_merged())]) + "\n"


def _by_rule(found: Iterator[tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """One line a rule, with all the places that it rules."""
    places: dict[tuple[str, ...], list[str]] = {}
    for where, cells in found:
        places.setdefault(cells, []).append(code(where or "the whole file"))
    for cells, where in places.items():
        yield f"| {' | '.join(cells)} | {', '.join(where)} |"


def _short() -> Iterator[tuple[str, tuple[str, ...]]]:
    for where, rule in rows(canonical.TABLE):
        example = node(rule.example) if rule.example else None
        long = shown(rule(example, Words(Diagnostics()))) if example else ""
        yield where, (cell(rule.means), code(rule.example), code(long))


def _merged() -> Iterator[tuple[str, tuple[str, ...]]]:
    for where, rule in rows(merge.TABLE):
        done = rule.act(node(rule.base), node(rule.over), Table())
        yield where, (cell(rule.means), code(rule.base), code(rule.over), code(shown(done)))


def node(text: str) -> Node:
    """A value written as YAML."""
    problems = Diagnostics()
    (document,) = parse(f"x: {text}".encode(), "example", problems)
    assert not list(problems), text
    return document.root.entries["x"].value


def shown(value: Node) -> str:
    return json.dumps(plain(value), ensure_ascii=False)


def code(text: str) -> str:
    return f"`{cell(text)}`" if text else ""


def cell(text: str) -> str:
    return text.replace("|", "\\|")
