"""What `config` prints, and that it reads back."""

from __future__ import annotations

import json

import pytest

from stackup.diagnostics import Diagnostics
from stackup.stackfile.document import plain
from stackup.stackfile.emit import to_yaml
from stackup.stackfile.parse import parse
from stackup.stackfile.render import json_text, yaml_text
from tests.stackfile.tree import loaded

TEXT = """
name: demo
services:
  web:
    image: nginx
    ports: ["8080:80"]
    stop_grace_period: 90s
    mem_limit: 64m
    environment: {PRICE: "5$$", A: "true"}
    networks: [default]
    x-note: kept
    attach: false
    depends_on: [db]
  db:
    image: postgres
    command: []
x-top: [1]
"""

EXPECTED = """\
name: demo
services:
  db:
    command: []
    image: postgres
    networks:
      default: null
  web:
    attach: false
    depends_on:
      db:
        condition: service_started
        required: true
    environment:
      A: "true"
      PRICE: 5$$
    image: nginx
    mem_limit: "67108864"
    networks:
      default: null
    ports:
      - mode: ingress
        target: 80
        published: "8080"
        protocol: tcp
    stop_grace_period: 1m30s
    x-note: kept
networks:
  default:
    name: demo_default
x-top:
  - 1
"""


def test_the_text_is_docker_compose_s() -> None:
    done = loaded(TEXT)
    assert done.stack is not None
    assert yaml_text(done.stack) == EXPECTED


def test_what_is_printed_loads_as_the_same_stack() -> None:
    done = loaded(TEXT)
    assert done.stack is not None
    again = loaded(yaml_text(done.stack))
    assert again.stack == done.stack


def test_json_says_that_the_image_decides() -> None:
    done = loaded(TEXT)
    assert done.stack is not None
    data = json.loads(json_text(done.stack))
    assert data["services"]["web"]["command"] is None
    assert data["services"]["db"]["command"] == []
    assert data["services"]["web"]["environment"]["PRICE"] == "5$$"


def test_env_files_are_printed_on_request_only() -> None:
    done = loaded({"compose.yaml": "services: {web: {image: i, env_file: a.env}}", "a.env": "A=1"})
    assert done.stack is not None
    assert "env_file" not in yaml_text(done.stack)
    assert "path: /srv/demo/a.env" in yaml_text(done.stack, env_files=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain words", "plain words"),
        ("8080", '"8080"'),
        ("yes", '"yes"'),
        ("0777", '"0777"'),
        ("22:22", '"22:22"'),
        ("2020-01-01", '"2020-01-01"'),
        ("", '""'),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("it's: x", "'it''s: x'"),
        ("- a", "'- a'"),
        ("-g", "-g"),
        ("*x", "'*x'"),
        ("one\ntwo\n", "|\n  one\n  two"),
        ("one\ntwo", "|-\n  one\n  two"),
        ("tab\there", '"tab\\there"'),
        (1.5, "1.5"),
        (None, "null"),
    ],
)
def test_a_scalar_is_quoted_only_where_it_must_be(value: object, text: str) -> None:
    assert to_yaml({"k": value}) == f"k: {text}\n"  # type: ignore[dict-item]


def test_a_key_that_yaml_would_not_see_as_one_is_marked() -> None:
    data: dict[str, object] = {"a": [{"k" * 3000: "v", "'" * 1200: {"x": 1}}]}
    (document,) = parse(to_yaml(data).encode(), "f", Diagnostics())  # type: ignore[arg-type]
    assert plain(document.root) == data
