"""`x-stackup.ready` as the test of a health check, and what is refused with its line."""

from __future__ import annotations

from typing import Any

import pytest

from stackup.engines.desire import Wish, desire
from stackup.engines.memory.host import MemoryHost
from tests.stackfile.tree import lines, loaded


def wished(service: str) -> tuple[Any, list[str]]:
    """The health check of the one container, and the problems as `code line`."""
    done = loaded(f"services:\n  web:\n    image: i\n{service}")
    assert done.stack is not None, lines(done)
    found, problems = desire(done.stack, dict(done.origins), MemoryHost().facts(), Wish())
    [web] = [item for item in found if item.address.kind == "container"]
    return web.spec["health"], [f"{item.code} {item.span and item.span.line}" for item in problems]


GOOD = [
    ("tcp: 5432", ["stackup:tcp", "5432"]),
    ("tcp: '80'", ["stackup:tcp", "80"]),
    ("http: 8080/healthz?deep=1", ["stackup:http", "8080", "/healthz?deep=1"]),
    ("http: 8080", ["stackup:http", "8080", "/"]),
    ("file: /run/ready", ["stackup:file", "/run/ready"]),
    ("log: ready to accept", ["stackup:log", "ready to accept"]),
    ("notify: true", ["stackup:notify"]),
]


@pytest.mark.parametrize(("line", "test"), GOOD, ids=[line for line, _ in GOOD])
def test_a_sign_is_a_test(line: str, test: list[str]) -> None:
    health, problems = wished(f"    x-stackup: {{ready: {{{line}}}}}\n    healthcheck: {{interval: 5s}}\n")
    assert problems == []
    assert (health["test"], health["interval"]) == (test, 5 * 10**9)
    assert wished(f"    x-stackup: {{ready: {{{line}}}}}\n")[0]["test"] == test


@pytest.mark.parametrize(
    "said",
    [
        "{tcp: http}", "{tcp: 0}", "{tcp: 65536}", "{tcp: true}", "{tcp: -1}", "{http: /healthz}", '{http: "80/a b"}',
        "{file: run/ready}", "{log: ''}", '{log: "a\\nb"}', "{notify: false}", "{nothing: 1}", "{}", "[tcp]", "tcp",
        "{tcp: 80, file: /x}", '{http: "80/a\\r\\nX: y"}',
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_line(said: str) -> None:
    health, problems = wished(f"    x-stackup:\n      ready: {said}\n")
    assert problems == ["SU112 5"]
    assert health is None


@pytest.mark.parametrize("check", ["{test: x}", "{disable: true}"])
def test_a_service_has_one_or_the_other(check: str) -> None:
    assert wished(f"    healthcheck: {check}\n    x-stackup: {{ready: {{tcp: 80}}}}\n")[1] == ["SU112 5"]


@pytest.mark.parametrize("said", ["{colour: red}", "3", "[ready]"])
def test_other_words_of_the_extension_are_named_and_change_nothing(said: str) -> None:
    assert wished(f"    x-stackup: {said}\n") == (None, ["SU104 4"])


def test_a_slip_beside_the_word_is_named() -> None:
    health, problems = wished("    x-stackup: {ready: {tcp: 80}, raedy: {tcp: 81}}\n")
    assert (health["test"], problems) == (["stackup:tcp", "80"], ["SU104 4"])
