"""The flags of `config`, on a stack that has something for each of them to leave out."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.shell import Shell

STACK = """\
name: flags
services:
  web:
    image: nginx:${TAG:-1.0}
    command: run --password ${PASSWORD}
    depends_on: [db]
    env_file: web.env
    environment: {TOKEN: , OWN: "${OWN:-mine}"}
    volumes: [./here:/there]
  db:
    build: .
    networks: [back]
  extra:
    image: redis
    profiles: [p]
    models: [llm]
networks: {back: }
models: {llm: {model: ai/x}}
x-note: ${PASSWORD}
"""
HEEDED = {"PASSWORD": "s3cr3t", "TOKEN": "t0k3n"}


@pytest.fixture
def flags(shell: Shell) -> Shell:
    shell.shop.write(STACK)
    shell.shop.write("FROM_FILE=f1l3\n", "web.env")
    return shell


def out(shell: Shell, line: str, **environ: str) -> str:
    answer = shell.typed(line, **{**HEEDED, **environ})
    assert answer.code == 0, answer.err
    return answer.out


def test_lists(flags: Shell) -> None:
    assert out(flags, "config --services") == "db\nweb\n"
    assert out(flags, "--profile p config --services") == "db\nextra\nweb\n"
    assert out(flags, "config --profiles") == "p\n"
    assert out(flags, "config --models") == out(flags, "config --models", TAG="2")
    assert out(flags, "--profile p config --models") == "ai/x\n"
    assert out(flags, "config --images") == "flags-db\nnginx:1.0\n"
    assert out(flags, "config --networks") == "back\ndefault\n"


def test_what_is_needed_comes_before_who_needs_it(flags: Shell) -> None:
    flags.shop.write("services: {a: {image: i, depends_on: [c]}, b: {image: i}, c: {image: i, depends_on: [b]}}")
    assert out(flags, "config --services") == "b\nc\na\n"


def test_a_name_means_the_service_with_its_needs(flags: Shell) -> None:
    assert set(json.loads(out(flags, "config --format json db"))["services"]) == {"db"}
    assert set(json.loads(out(flags, "config --format json web"))["services"]) == {"db", "web"}
    assert out(flags, "config --images db") == "flags-db\n"
    assert out(flags, "config --services db") == "db\nweb\n"
    assert flags.typed("config nope").err.startswith("error: no such service: nope\n")


def test_the_environment_is_the_callers_over_that_of_env_files(flags: Shell) -> None:
    flags.shop.write("TAG=9\nTOKEN=from-file\n", ".env")
    said = out(flags, "config --environment").splitlines()
    assert {"COMPOSE_PROJECT_NAME=flags", "TAG=9", "TOKEN=t0k3n", "PASSWORD=s3cr3t"} <= set(said)
    assert said == sorted(said)


def test_variables_are_a_table_or_json(flags: Shell) -> None:
    head, *rows = out(flags, "config --variables").splitlines()
    assert head == "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE"
    assert [row.split() for row in rows] == [
        ["OWN", "false", "mine"],
        ["PASSWORD", "false"],
        ["TAG", "false", "1.0"],
    ]
    found = json.loads(out(flags, "config --variables --format json"))
    assert found["TAG"] == {"Name": "TAG", "Required": False, "DefaultValue": "1.0", "PresenceValue": ""}


def test_without_interpolation_variables_stand_as_they_are_written(flags: Shell) -> None:
    data = json.loads(out(flags, "config --no-interpolate --format json"))
    assert data["services"]["web"]["image"] == "nginx:${TAG:-1.0}"
    assert data["services"]["web"]["command"] == "run --password ${PASSWORD}"
    assert data["services"]["web"]["environment"] == {"TOKEN": None, "OWN": "${OWN:-mine}"}
    assert set(data["services"]) == {"db", "web", "extra"}


def test_an_unknown_key_is_one_without_interpolation_too(flags: Shell) -> None:
    flags.shop.write("services: {a: {image: i, prots: ['${P}:80'], scale: '${N}', ports: ['${P}:80']}}")
    answer = flags.typed("config --no-interpolate")
    assert answer.code == 1
    assert answer.err.count("error[") == 1
    assert "prots" in answer.err


def test_steps_can_be_left_out(flags: Shell) -> None:
    assert "name: flags_back" not in out(flags, "config --no-normalize")
    assert "source: ./here" in out(flags, "config --no-path-resolution")
    plain = out(flags, "config --no-env-resolution")
    assert "FROM_FILE" not in plain
    assert "t0k3n" not in plain
    assert f"path: {flags.shop.folder}/web.env" in plain
    flags.shop.write("services: {a: {image: i, depends_on: [nobody], networks: [nowhere]}}")
    assert flags.typed("config").code == 1
    assert "nobody" in out(flags, "config --no-consistency")


def test_digests_come_from_the_host(flags: Shell) -> None:
    digest = sha256(b"nginx:1.0").hexdigest()
    assert f"image: nginx:1.0@sha256:{digest}" in out(flags, "config --resolve-image-digests")
    expected = f"services:\n  db: {{}}\n  web:\n    image: nginx:1.0@sha256:{digest}\n"
    assert out(flags, "config --lock-image-digests") == expected
    locked = json.loads(out(flags, "config --lock-image-digests --format json web"))
    assert locked == {"services": {"db": {}, "web": {"image": f"nginx:1.0@sha256:{digest}"}}}


def test_every_image_without_a_digest_is_named_with_its_line(flags: Shell) -> None:
    flags.shop.write("services:\n  a:\n    image: missing-a\n  b: {image: host}\n  c:\n    image: missing-c\n")
    answer = flags.typed("config --lock-image-digests")
    assert (answer.code, answer.out) == (1, "")
    assert 'no digest of image "missing-a" of service "a" is known here' in answer.err
    assert "stack.yaml:3:12" in answer.err
    assert "stack.yaml:6:12" in answer.err


def test_portable_output_has_nothing_of_this_machine(flags: Shell) -> None:
    text = out(flags, "config --portable")
    for mine in ("s3cr3t", "t0k3n", "f1l3", str(flags.shop.folder)):
        assert mine not in text
    assert "image: nginx:1.0" in text
    assert "OWN: mine" in text
    assert "${PASSWORD}" in text


def test_portable_output_loads_to_the_same_stack(flags: Shell) -> None:
    whole = out(flags, "config --format json")
    Path("portable.yaml").write_text(out(flags, "config --portable"))
    assert out(flags, "-f portable.yaml config --format json") == whole


def test_convert_is_config(flags: Shell) -> None:
    assert out(flags, "convert") == out(flags, "config")
