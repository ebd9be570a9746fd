"""Published schemas are made from the code; `just schemas` writes them."""

from __future__ import annotations

import json

from stackup.stackfile.model.schema import schema
from tests.rules.tree import ROOT


def test_the_schema_of_stack_files_is_fresh() -> None:
    assert json.loads((ROOT / "schemas/stack.json").read_text()) == schema(), "run: just schemas"
