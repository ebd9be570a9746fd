"""Nothing is silent: every key of a service is honoured, or has a row that says why not."""

from __future__ import annotations

from stackup.stackfile.honour import OTHER_ROWS, SERVICE_ROWS
from stackup.stackfile.model import Service, Stack
from stackup.stackfile.model.validate import keys_at


def test_rows_name_keys_that_exist() -> None:
    for pattern in [f"services.*.{key}" for key in SERVICE_ROWS] + list(OTHER_ROWS):
        path = tuple(0 if key == "*" and index > 1 else key for index, key in enumerate(pattern.split(".")))
        assert path[-1] in keys_at(path[:-1]), pattern


def test_the_keys_of_models_can_be_told_from_a_path() -> None:
    assert keys_at(()) == tuple(key for key in Stack.model_fields if key != "extensions")
    assert "image" in keys_at(("services", "web"))
    assert keys_at(("services", "web", "ports", 0))[0] == "target"
    assert keys_at(("services", "web", "environment")) == ()
    assert "retries" in keys_at(("services", "web", "healthcheck"))
    assert "build" in Service.model_fields
