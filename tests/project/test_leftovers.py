"""Which of the things that builds keep are to go."""

from __future__ import annotations

import pytest

from stackup.errors import UsageError
from stackup.images.build.leftovers import Leftover
from stackup.project.leftovers import Options, choose, conditions

ROWS = [
    Leftover("step", "old", 10, 100.0),
    Leftover("cache", "c", 40, 200.0),
    Leftover("step", "new", 20, 300.0),
    Leftover("source", "s", 30, 400.0),
]


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        (Options(), ["old", "new"]),
        (Options(every=True), ["old", "c", "new", "s"]),
        (Options(until=250.0), ["old"]),
        (Options(every=True, until=250.0), ["old", "c"]),
        (Options(room=20), ["old"]),
        (Options(room=30), []),
        (Options(every=True, room=50), ["old", "c"]),
        (Options(every=True, room=49), ["old", "c", "new"]),
        (Options(every=True, until=150.0, room=1), ["old"]),
    ],
)
def test_the_oldest_go_first(options: Options, gone: list[str]) -> None:
    assert [one.name for one in choose(ROWS, options)] == gone


def test_filters_are_times() -> None:
    assert conditions(("until=24h",), lambda text: float(len(text))) == 3.0
    with pytest.raises(UsageError, match="no filter|not a filter"):
        conditions(("label=x",), float)
