"""From a stack to what is wished of a host, as far as it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.engines.builtin.facts import HostFacts
from stackup.engines.desire import Wish, desire
from stackup.engines.desire.container import MAX_CONTAINERS
from stackup.engines.memory.host import MemoryHost
from stackup.errors import HostError
from stackup.layout import Layout
from tests.stackfile.tree import lines, loaded


def wished(text: str, wish: Wish | None = None) -> tuple[int, list[str]]:
    """How many resources, and the problems as `code place`."""
    done = loaded(text)
    assert done.stack is not None, lines(done)
    found, problems = desire(done.stack, dict(done.origins), MemoryHost().facts(), wish or Wish())
    return len(found), [f"{item.code} {item.span}" for item in problems]


UNREADABLE = [
    ("logging: {options: {max-size: many}}", 1),
    ("logging: {options: {max-file: '-1'}}", 1),
    ("restart: 'on-failure:99999999999999999999'", 1),
    ("secrets: [{source: s, uid: '4294967295'}]", 1),
    ("logging: {options: {max-size: 10m, max-file: 3}}", 0),
    ("secrets: [{source: s, uid: '1000', gid: 0}]", 0),
    ("restart: 'on-failure:3'", 0),
]


@pytest.mark.parametrize(("line", "count"), UNREADABLE, ids=[line for line, _ in UNREADABLE])
def test_a_text_that_the_engine_must_read_is_a_problem_with_its_line(line: str, count: int) -> None:
    text = f"services:\n  web:\n    image: i\n    {line}\nsecrets: {{s: {{environment: S}}}}\n"
    done = loaded(text)
    assert done.stack is not None, lines(done)
    _, problems = desire(done.stack, dict(done.origins), MemoryHost({"S": "x"}).facts(), Wish())
    assert [item.code for item in problems if item.code == "SU105"] == ["SU105"] * count
    assert all(item.span and item.span.line == 4 for item in problems)


@pytest.mark.parametrize("count", ["scale: 9223372036854775808", "deploy: {replicas: 2001}"])
def test_too_many_containers_are_refused_before_the_first(count: str) -> None:
    made, problems = wished(f"services:\n  a: {{image: i}}\n  web:\n    image: i\n    {count}\n")
    assert made == 1, "the network"
    assert [text.split()[0] for text in problems] == ["SU106"]
    assert problems[0].startswith("SU106 compose.yaml:5:")


def test_a_count_from_the_command_line_is_bounded_too() -> None:
    wish = Wish(scale={"web": MAX_CONTAINERS + 1})
    assert wished("services: {web: {image: i}}", wish)[1][0].startswith("SU106")


@pytest.mark.parametrize(
    ("networks", "own", "said"),
    [
        ("", "", 'with service "b" there are more than 1021 on network "default", all that it has room for'),
        (
            "",
            "networks: {default: {ipam: {config: [{subnet: 10.9.0.0/16}]}}}",
            'with service "b" there are more than 1023 on network "default", all that it has room for',
        ),
        (", networks: [other]", "networks: {other: {}}", ""),
        ("", "networks: {default: {driver: macvlan, driver_opts: {parent: eth0}}}", ""),
    ],
)
def test_a_network_that_cannot_take_them_is_told_before_the_first(networks: str, own: str, said: str) -> None:
    text = f"services:\n  a: {{image: i, scale: 600}}\n  b:\n    {{image: i, scale: 600{networks}}}\n{own}"
    done = loaded(text)
    assert done.stack is not None, lines(done)
    _, problems = desire(done.stack, dict(done.origins), MemoryHost().facts(), Wish())
    told = [(item.detail, str(item.span)) for item in problems if item.code == "SU106"]
    assert told == ([(said, "compose.yaml:4:23")] if said else [])


def test_places_are_looked_up_once_for_all_services() -> None:
    """Every service asks for the lines of its variables; the stack's lines are sorted once, not once a service."""
    body = "\n".join(f"  s{n}: {{image: i, environment: {{A: 1, B: 2}}}}" for n in range(30))
    done = loaded(f"services:\n{body}\n")
    assert done.stack is not None

    class Counted(dict):  # type: ignore[type-arg]
        walks = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            Counted.walks += 1
            return super().__iter__()

    found, _ = desire(done.stack, Counted(done.origins), MemoryHost().facts(), Wish())
    assert Counted.walks == 1
    assert str(found[0].origins["env", "A"]).startswith("compose.yaml:2:")


def test_a_secret_from_a_device_or_a_pipe_has_no_bytes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    facts = HostFacts(Layout(str(tmp_path), str(tmp_path)), {})
    for path in ("/dev/zero", str(tmp_path / "pipe"), str(tmp_path), "/a\0b", "/nowhere"):
        with pytest.raises(HostError):
            facts.file_digest(path)
