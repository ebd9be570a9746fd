"""What an editor does with the published schema: skipped where npm's yaml-language-server is not installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rules.tree import ROOT
from tests.stackfile.language_server import LanguageServer

PROGRAM = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAM, reason="yaml-language-server is not installed, nor named in YAML_LANGUAGE_SERVER"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    assert PROGRAM
    found = LanguageServer(PROGRAM, str(ROOT / "schemas/stack.json"))
    yield found
    found.close()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/stack.yaml")), ids=lambda path: path.parent.name)
def test_nothing_is_wrong_with_examples(server: LanguageServer, path: object) -> None:
    assert server.problems(Path(str(path)).read_text()) == []


def test_variables_short_forms_and_tags_are_welcome(server: LanguageServer) -> None:
    text = "services:\n  web:\n    image: x\n    build: .\n    ports: ['80:80', 81]\n    tty: ${TTY}\n    command: !reset null\n"
    assert server.problems(text) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("imgae: x", "Property imgae is not allowed."),
        ("tty: perhaps", "Expected true or false."),
        ("restart: sometimes", "Expected no, always, unless-stopped or on-failure[:N]."),
        ("build: {contxt: .}", "Property contxt is not allowed."),
        ("ports: [{published: 80}]", 'Missing property "target".'),
        ("mem_limit: 5 potatoes", "Expected a size such as 512m."),
    ],
)
def test_what_is_wrong_is_said(server: LanguageServer, line: str, words: str) -> None:
    assert server.problems(f"services:\n  web:\n    image: x\n    {line}\n") == [words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|\n", {"services", "networks", "include"}),
        ("services:\n  web:\n    im|\n", {"image", "build", "extends"}),
        ("services:\n  web:\n    restart: |\n", {"always", "unless-stopped"}),
        ("services:\n  web:\n    build:\n      |\n", {"context", "dockerfile", "no_cache_filter"}),
        ("services:\n  web:\n    depends_on:\n      db:\n        condition: |\n", {"service_healthy"}),
        ("services:\n  web:\n    volumes:\n      - type: |\n", {"bind", "volume", "tmpfs"}),
    ],
)
def test_what_may_come_is_offered(server: LanguageServer, text: str, expected: set[str]) -> None:
    assert expected <= set(server.offered(text))


def test_a_key_is_explained(server: LanguageServer) -> None:
    assert "SIGKILL" in server.hover("services:\n  web:\n    stop_gra|ce_period: 10s\n")
