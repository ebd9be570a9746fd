"""Small mistakes and small oddities, each a stack of its own: what is refused, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.stackfile.tree import CASES, lines, loaded

TABLE: dict[str, dict[str, str]] = YAML(typ="safe").load((CASES / "mistakes.yaml").read_text())
REFUSED = ("refused", "stricter")


def rows(*kinds: str) -> list[Any]:
    return [pytest.param(text, id=name) for kind in kinds for name, text in TABLE[kind].items()]


@pytest.mark.parametrize("text", rows(*REFUSED))
def test_a_mistake_is_refused_with_its_place(text: str) -> None:
    done = loaded(text)
    errors = [item for item in done.diagnostics if item.severity.value == "error"]
    assert done.stack is None
    assert errors
    assert all(item.span and item.summary for item in errors)


@pytest.mark.parametrize("text", rows("accepted", "lenient"))
def test_what_is_only_odd_is_accepted(text: str) -> None:
    done = loaded(text)
    assert done.stack is not None, lines(done)
