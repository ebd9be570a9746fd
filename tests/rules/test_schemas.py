"""Published schemas are made from the code; `just schemas` writes them."""

from __future__ import annotations

import json

from stackup.stackfile.model import Service
from stackup.stackfile.model.schema import SHORT, schema
from tests.rules.tree import ROOT


def test_the_schema_of_stack_files_is_fresh() -> None:
    assert json.loads((ROOT / "schemas/stack.json").read_text()) == schema(), "run: just schemas"


def test_every_key_has_a_description() -> None:
    found = schema()
    for name, part in {"Stack": found, **found["$defs"]}.items():
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_places_with_a_short_form_take_it() -> None:
    service = schema()["$defs"]["Service"]["properties"]
    assert set(service) == set(Service.model_fields) - {"extensions"} | {"extends"}
    assert all("anyOf" in service[key] for key in SHORT & set(service) - {"gpus", "extends"})
