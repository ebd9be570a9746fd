"""Published schemas and pages are made from the code; `just schemas` and `just docs` write them."""

from __future__ import annotations

import pytest

from tests.published import PUBLISHED
from tests.rules.tree import ROOT


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_is_fresh(name: str) -> None:
    assert (ROOT / name).read_text() == PUBLISHED[name](), f"run: just {name.partition('/')[0]}"
