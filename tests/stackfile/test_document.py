"""Nodes, paths and where they stand."""

from __future__ import annotations

import pytest

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import key_span, nearest_span, origins, plain, select, spell, with_value
from stackup.stackfile.parse import parse

TEXT = "services:\n  web:\n    ports:\n      - 80\n      - {target: 81}\n"


def root():
    (document,) = parse(TEXT.encode(), "f", Diagnostics())
    return document.root


def test_a_path_selects_through_mappings_and_lists() -> None:
    assert plain(select(root(), ("services", "web", "ports", 1, "target"))) == 81
    assert select(root(), ("services", "nobody")) is None
    assert select(root(), ("services", 0)) is None
    assert select(root(), ("services", "web", "ports", 2)) is None


def test_the_nearest_place_of_what_is_not_there_is_its_parent_s_key() -> None:
    assert str(nearest_span(root(), ("services", "web", "image"))) == "f:2:3"
    assert str(nearest_span(root(), ("services", "web", "ports", 0))) == "f:4:9"
    assert str(nearest_span(root(), ("nothing",))) == "f:1:1"
    assert str(key_span(root(), ("services", "web", "ports"))) == "f:3:5"


def test_origins_cover_every_path() -> None:
    assert {path: str(span) for path, span in origins(root()).items()} == {
        (): "f:1:1",
        ("services",): "f:1:1",
        ("services", "web"): "f:2:3",
        ("services", "web", "ports"): "f:3:5",
        ("services", "web", "ports", 0): "f:4:9",
        ("services", "web", "ports", 1): "f:5:9",
        ("services", "web", "ports", 1, "target"): "f:5:18",
    }


def test_a_changed_copy_leaves_the_original_alone() -> None:
    before = root()
    changed = with_value(before, "services", before.entries["services"].value, None)
    assert changed == before
    assert plain(with_value(before, "x", before.entries["services"].value))["x"] == plain(before)["services"]
    assert "x" not in before.entries


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (None, ""),
        (1, "1"),
        (1.0, "1"),
        (1.1, "1.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-7, "1e-07"),
        (float("inf"), "+Inf"),
        ("x", "x"),
    ],
)
def test_values_are_spelled_as_docker_compose_spells_them(value: object, text: str) -> None:
    assert spell(value) == text
