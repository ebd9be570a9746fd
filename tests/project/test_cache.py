from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stackup.layout import Layout
from stackup.project import cache
from stackup.project.session import Where


def at(folder: Path, **environ: str) -> tuple[Layout, Where, dict[str, Any]]:
    where = Where(str(folder), environ)
    return Layout(str(folder / "state"), ""), where, cache.key_of(where, "stack")


def keep(folder: Path, files: dict[str, Any], variables: dict[str, Any], **environ: str) -> tuple[Any, ...]:
    layout, where, key = at(folder, **environ)
    cache.write(layout, key, {"name": "shop"}, (files, variables))
    return layout, where, key


def test_an_entry_is_found_while_nothing_it_rests_on_changes(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("a")
    layout, where, key = keep(tmp_path, {str(file): cache.stat_of(str(file))}, {"TAG": "1"}, TAG="1")
    assert cache.read(layout, where, key) == {"name": "shop"}


def test_a_changed_file_is_a_miss(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("a")
    layout, where, key = keep(tmp_path, {str(file): cache.stat_of(str(file))}, {})
    file.write_text("longer")
    assert cache.read(layout, where, key) is None


def test_a_file_that_appears_where_none_was_is_a_miss(tmp_path: Path) -> None:
    layout, where, key = keep(tmp_path, {str(tmp_path / "stack.override.yaml"): None}, {})
    assert cache.read(layout, where, key) is not None
    (tmp_path / "stack.override.yaml").write_text("x")
    assert cache.read(layout, where, key) is None


@pytest.mark.parametrize(("kept", "now"), [("1", "2"), ("1", None), (None, "1")])
def test_a_variable_with_another_value_is_a_miss(tmp_path: Path, kept: str | None, now: str | None) -> None:
    layout, where, key = keep(tmp_path, {}, {"TAG": kept}, **({"TAG": now} if now else {}))
    assert cache.read(layout, where, key) is None


def test_another_profile_or_service_is_another_key(tmp_path: Path) -> None:
    plain = cache.key_of(Where("/x", {}), "stack")
    assert cache.key_of(Where("/x", {}, profiles=("dev",)), "stack") != plain
    assert cache.key_of(Where("/x", {}), "stack", ("web",)) != plain
    assert cache.key_of(Where("/y", {}), "stack") != plain


HOSTILE = ["", "{", "null", "[]", '"x"', "{}", '{"key": 1}', "[" * 5000, '{"key": KEY}', '{"key": KEY, "files": 3}']
HOSTILE += ['{"key": KEY, "files": {}, "variables": [], "value": {}}', '{"key": KEY, "files": {}, "variables": {}}']
HOSTILE += [
    '{"key": KEY, "files": {}, "variables": {}, "value": []}',
    '{"key": KEY, "files": {"a\\u0000b": [1]}, "variables": {}, "value": {}}',
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_file_is_a_miss(tmp_path: Path, text: str) -> None:
    layout, where, key = keep(tmp_path, {}, {})
    Path(cache.entry_file(layout, key)).write_text(text.replace("KEY", json.dumps(key)))
    assert cache.read(layout, where, key) is None


def test_a_file_that_is_no_text_is_a_miss(tmp_path: Path) -> None:
    layout, where, key = keep(tmp_path, {}, {})
    Path(cache.entry_file(layout, key)).write_bytes(b"\xff\xfe\0" * 100)
    assert cache.read(layout, where, key) is None


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    layout, where, key = keep(tmp_path, {}, {})
    assert cache.read(layout, where, key) is None


def test_standard_input_is_never_cached() -> None:
    assert not cache.cacheable(Where("/", {}, files=("-",)))
    assert not cache.cacheable(Where("/", {"COMPOSE_FILE": "-"}))


def test_an_entry_is_its_owners_alone(tmp_path: Path) -> None:
    layout, _, key = keep(tmp_path, {}, {})
    assert os.stat(cache.entry_file(layout, key)).st_mode & 0o077 == 0
    cache.forget(layout, [key])
    assert not os.path.exists(cache.entry_file(layout, key))
