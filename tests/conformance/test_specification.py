"""Every row of the conformance page is true, and every key of the models has one."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from stackup.stackfile.honour import TABLE
from stackup.stackfile.model.part import Part
from stackup.stackfile.model.stack import Stack
from stackup.stackfile.render import render, yaml_text
from tests.conformance.specification import Row, effects, rows, run
from tests.stackfile.test_cases import agree
from tests.stackfile.test_schema import complaints
from tests.stackfile.tree import loaded, printed

PLAIN = Row("", "", "", {"element": "nothing"})
EVERY = [pytest.param(row, id=row.name) for row in rows()]
LOADING = [row for row in rows() if "refused" not in row.data]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


@pytest.mark.parametrize("row", EVERY)
def test_an_element(row: Row) -> None:
    expected = {"effect", "gives", "warns", "refused", "printed"} & set(row.data)
    assert expected, "a row without an expectation"
    done = run(row)
    assert sorted(set(done.codes("error"))) == sorted(listed(row.data.get("refused")))
    if "refused" in row.data:
        return
    assert set(done.codes("warning")) == set(listed(row.data.get("warns")))
    for address, fields in effects(row).items():
        agree(fields, done.desired[address], address)
    if "gives" in row.data:
        assert done.loaded.stack is not None
        agree(row.data["gives"], render(done.loaded.stack))


def test_without_the_element_it_is_not_so() -> None:
    without = run(PLAIN).desired
    silent = [row.name for row in rows() for found in effects(row).items() if _is_so(*found, without)]
    assert silent == []


def _is_so(address: str, fields: dict[str, Any], desired: Mapping[str, Any]) -> bool:
    try:
        agree(fields, desired[address])
    except (AssertionError, KeyError):
        return False
    return True


@pytest.mark.slow
def test_what_loads_is_printed_as_a_file_of_the_same_meaning() -> None:
    for row in LOADING:
        stack = run(row).loaded.stack
        assert stack is not None
        again = yaml_text(stack)
        reads_back = printed(again, profiles=("*",)) == render(stack)
        assert reads_back is ("once" not in row.data), again


def test_what_loads_is_valid_by_the_schema() -> None:
    for row in LOADING:
        files = ((name, text) for name, text in row.files().items() if name.endswith((".yaml", ".yml")))
        assert [complaints(text) for name, text in files if complaints(text)] == [], row.name


def test_names_are_told_apart() -> None:
    assert len({row.name for row in rows()}) == len(rows())


def keys(kind: Any, path: str, place: Any) -> Iterator[str]:
    """Every key of the models as a path pattern; not those beneath a key that has no effect as a whole."""
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(branch for branch in get_args(kind) if branch is not type(None))
    if get_origin(kind) in (dict, tuple):
        item = get_args(kind)[0 if get_origin(kind) is tuple else 1]
        yield from keys(item, f"{path}*.", place.down("*") if place else None)
    elif isinstance(kind, type) and issubclass(kind, Part):
        hints = get_type_hints(kind, include_extras=True)
        for key in kind.model_fields:
            below = place.down(key) if place else None
            if key != "extensions":
                yield path + key
                if below is None or below.rule is None:
                    yield from keys(hints[key], f"{path}{key}.", below)


def test_every_key_has_a_row() -> None:
    known = {row.path for row in rows()}
    covered = {path for row in known for path in (row, *_parents(row))}
    missing = [key for key in keys(Stack, "", TABLE) if key not in covered]
    assert missing == []


def _parents(path: str) -> Iterator[str]:
    parts = path.split(".")
    for length in range(1, len(parts)):
        yield ".".join(parts[:length])


def test_a_warned_key_warns_in_its_own_row() -> None:
    """What the table of keys without effect says is what the page says."""
    warned = [key for key in keys(Stack, "", TABLE) if _rule(key)]
    by_path = {row.path: row for row in rows()}
    for key in warned:
        row = by_path.get(key) or next(row for path, row in by_path.items() if path.startswith(key))
        assert "SU023" in listed(row.data.get("warns")), key


def _rule(key: str) -> object:
    place: Any = TABLE
    for part in key.split("."):
        place = place.down(part) if place else None
    return place and place.rule


def test_a_plain_stack_says_nothing() -> None:
    assert run(PLAIN).diagnostics == ()
    assert loaded("services: {web: {image: i}}").diagnostics == ()
