"""A shape writes what it reads, and its schema says what it writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from jsonschema import Draft7Validator

from stackup.reconcile import shapes
from stackup.reconcile.codec import plan_schema, plan_to_json
from stackup.reconcile.shapes import COUNT, TEXT, Shape
from tests.reconcile.stacks import Host, after, container, network, on_network, volume


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Point:
    """Somewhere."""

    x: int
    colour: Colour | None = None


RECORD = shapes.record(Point, x=COUNT, colour=shapes.maybe(shapes.words(Colour)))
ROW = shapes.row(Point, x=COUNT, colour=shapes.maybe(shapes.words(Colour)))
CASES: dict[str, tuple[Shape, Any, Any, Any]] = {
    "a word": (shapes.words(Colour), Colour.RED, "red", "green"),
    "a record": (RECORD, Point(1, Colour.RED), {"x": 1, "colour": "red"}, {"x": 1}),
    "a record with null": (RECORD, Point(1), {"x": 1, "colour": None}, {"x": "1", "colour": None}),
    "a row": (ROW, Point(1, Colour.BLUE), [1, "blue"], [1]),
    "a list": (shapes.listed(COUNT), (1, 2), [1, 2], [1, "2"]),
    "pairs": (shapes.paired(ROW, TEXT), {Point(1): "a"}, [[[1, None], "a"]], [[[1, None]]]),
    "a mapping": (shapes.keyed(TEXT, COUNT), {"a": 1}, {"a": 1}, {"a": "b"}),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_written_read_and_described(name: str) -> None:
    shape, value, data, wrong = CASES[name]
    assert shape.out(value) == data
    assert shape.read(data) == value
    check = Draft7Validator(shape.schema)
    assert check.is_valid(data)
    assert not check.is_valid(wrong)


def test_plans_are_as_their_schema_says() -> None:
    host = Host()
    first = (network(), volume(), container("db", on_network()), container("web", after("db")))
    for desired in (first, (network(subnet="10.1.0.0/24"), container("db", on_network(), limits={"memory": 2}))):
        plan = host.plan(*desired)
        assert list(Draft7Validator(plan_schema()).iter_errors(json.loads(plan_to_json(plan)))) == []
        assert host.apply(plan).ok


def test_a_plan_of_other_words_is_not_valid() -> None:
    plan = json.loads(plan_to_json(Host().plan(network())))
    plan["steps"][0]["verb"] = "explode"
    assert not Draft7Validator(plan_schema()).is_valid(plan)
