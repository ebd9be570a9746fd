"""The schema of stack files says of files what the loader says, as far as types and keys go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from pydantic import TypeAdapter, ValidationError

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import plain
from stackup.stackfile.model import schema as module
from stackup.stackfile.model.schema import SCALARS, schema
from stackup.stackfile.parse import parse
from tests.rules.tree import ROOT
from tests.stackfile.tree import CASES, cases, loaded

VALIDATOR = Draft7Validator(json.loads((ROOT / "schemas/stack.json").read_text()))


def complaints(text: str) -> list[str]:
    documents = parse(text.encode(), "compose.yaml", Diagnostics())
    return [path for document in documents for path in _paths(VALIDATOR.iter_errors(plain(document.root)))]


def _paths(errors: Any) -> Iterator[str]:
    """Of every error, and of those of the alternatives that it was measured against."""
    for error in errors:
        yield error.json_path
        yield from _paths(error.context)


def stack_files(case: dict[str, Any]) -> dict[str, str]:
    return {name: text for name, text in case["files"].items() if name.endswith((".yaml", ".yml"))}


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/*.yaml")), ids=str)
def test_examples_are_valid(path: Any) -> None:
    assert complaints(path.read_text()) == []


@pytest.mark.parametrize("path", sorted((CASES / "oracle").glob("*.yaml")), ids=lambda path: path.stem)
def test_files_that_docker_compose_takes_are_valid(path: Any) -> None:
    assert complaints(path.read_text()) == []


@pytest.mark.parametrize("case", [*cases("canonical"), *cases("merge")])
def test_what_loads_is_valid(case: dict[str, Any]) -> None:
    for name, text in stack_files(case).items():
        assert complaints(text) == [], name


@pytest.mark.parametrize("case", [*cases("errors")])
def test_what_is_only_warned_of_is_valid(case: dict[str, Any]) -> None:
    if not any(text.startswith("error") for text in case["expect"]):
        assert all(complaints(text) == [] for text in stack_files(case).values())


WRONG = {
    "a key that is not known": ("services: {web: {imag: x}}", "$.services.web"),
    "a service at the top": ("web: {image: x}", "$"),
    "services as a list": ("services: [web]", "$.services"),
    "a service as a text": ("services: {web: nginx}", "$.services.web"),
    "a flag that is none": ("services: {web: {image: x, tty: perhaps}}", "$.services.web.tty"),
    "a flag as a list": ("services: {web: {image: x, tty: []}}", "$.services.web.tty"),
    "a count that is none": ("services: {web: {image: x, scale: many}}", "$.services.web.scale"),
    "a size that is none": ("services: {web: {image: x, mem_limit: 12 potatoes}}", "$.services.web.mem_limit"),
    "a duration without unit": (
        "services: {web: {image: x, stop_grace_period: 10}}",
        "$.services.web.stop_grace_period",
    ),
    "a mode that is not octal": (
        'services: {web: {image: x, secrets: [{source: s, mode: "0999"}]}}\nsecrets: {s: {file: f}}',
        "$.services.web.secrets[0]",
    ),
    "another policy": ("services: {web: {image: x, restart: sometimes}}", "$.services.web.restart"),
    "another condition": (
        "services: {web: {image: x, depends_on: {db: {condition: service_up}}}}",
        "$.services.web.depends_on.db.condition",
    ),
    "a port without target": ("services: {web: {image: x, ports: [{published: 80}]}}", "$.services.web.ports[0]"),
    "ports as a mapping": (
        "services: {web: {image: x, ports: {80: 80}}}".replace("{80: 80}", '{"80": 80}'),
        "$.services.web.ports",
    ),
    "a mount without type": ("services: {web: {image: x, volumes: [{target: /a}]}}", "$.services.web.volumes[0]"),
    "a health check as a text": ("services: {web: {image: x, healthcheck: curl}}", "$.services.web.healthcheck"),
    "an environment as a text": ("services: {web: {image: x, environment: A=b}}", "$.services.web.environment"),
    "nesting in an environment": (
        "services: {web: {image: x, environment: {A: {b: c}}}}",
        "$.services.web.environment.A",
    ),
    "a network with unknown keys": ("networks: {front: {subnet: 10.0.0.0/8}}", "$.networks.front"),
    "a request without capabilities": (
        "services: {web: {image: x, deploy: {resources: {reservations: {devices: [{count: 1}]}}}}}",
        "$.services.web.deploy.resources.reservations.devices[0]",
    ),
    "an action that is none": (
        "services: {web: {image: x, develop: {watch: [{path: ., action: copy}]}}}",
        "$.services.web.develop.watch[0].action",
    ),
    "an include without path": ("include: [{env_file: a}]", "$.include[0]"),
    "extends without service": ("services: {web: {image: x, extends: {file: a.yaml}}}", "$.services.web.extends"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_not_valid_and_does_not_load(name: str) -> None:
    text, place = WRONG[name]
    assert place in complaints(text)
    assert loaded(text).stack is None


def test_a_variable_may_stand_anywhere() -> None:
    text = """
    services:
      web:
        image: ${IMAGE}
        tty: ${TTY}
        scale: ${N:-2}
        mem_limit: ${MEMORY}
        restart: ${RESTART:-no}
        gpus: ${GPUS:-all}
        stop_grace_period: ${GRACE}
        ports: ["${PORT}:80", {target: "${TARGET}", published: "${PORT}"}]
        volumes: [{type: "${TYPE}", target: /x}]
        deploy: {resources: {limits: {cpus: "${CPUS}"}}}
    """
    assert complaints(text) == []


def test_tags_are_no_offence() -> None:
    text = "services:\n  web: {image: x, ports: !reset null, command: !reset [], environment: !override {A: b}}\n  db: !reset null\n"
    assert complaints(text) == []


READERS = {str(kind): (kind, shape) for kind, shape in SCALARS.items() if "pattern" in shape}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_texts_that_the_schema_takes_can_be_read(name: str, data: Any) -> None:
    kind, shape = READERS[name]
    spelled = re.fullmatch(r"\^\((.*)\)\$\|\\\$", shape["pattern"])
    assert spelled
    text = data.draw(
        st.from_regex(re.compile(spelled[1], re.ASCII), fullmatch=True).filter(lambda text: len(text) < 16)
    )
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError as problem:
        words = str(problem)
    else:
        return
    assert "too large" in words, "that alone is what a pattern cannot say"


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
@given(text=st.text(alphabet="0123456789.-+ bkmgsuhdwtruefalsynoKB", max_size=6))
def test_texts_that_can_be_read_are_taken_by_the_schema(name: str, text: str) -> None:
    kind, shape = READERS[name]
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return
    assert re.search(shape["pattern"], text)


def test_every_key_has_a_description_of_one_line() -> None:
    found = schema()
    for name, part in {"Stack": found, **found["definitions"]}.items():
        assert part["description"], name
        for key, value in part["properties"].items():
            assert 2 < len(value["description"]) < 100, f"{name}.{key}"
            assert value["description"].endswith("."), f"{name}.{key}"


def test_keys_that_only_files_have_are_in_it() -> None:
    assert {"include", "version"} <= set(schema()["properties"])
    assert "extends" in schema()["definitions"]["Service"]["properties"]
    assert module.__doc__
