"""Which change concerns whom: pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackup.diagnostics import Diagnostics
from stackup.project.watching.rules import Rule, rules_of, work_of
from stackup.stackfile.load import Request, load


def rules(watch: str, service: str = "", folder: str = "/srv") -> tuple[list[Rule], list[str]]:
    text = f"services: {{web: {{image: i, {service} develop: {{watch: [{watch}]}}}}}}"
    loaded = load(Request(folder, read={f"{folder}/compose.yaml": text.encode()}.get))
    problems = Diagnostics()
    assert loaded.stack is not None, list(loaded.diagnostics)
    found = rules_of(loaded, loaded.stack.services, problems)
    return found, [f"{item.severity.value} {item.code} {item.span} {item.label}" for item in problems]


def test_a_path_keeps_its_way_below_the_target() -> None:
    (found,), _ = rules("{path: ./src, action: sync, target: /app/}")
    assert found.place("/srv/src/a/b.py") == "/app/a/b.py"
    assert not found.takes("/srv/srcs/a")
    assert not found.takes("/srv")


def test_a_file_becomes_the_target() -> None:
    (found,), _ = rules("{path: ./a.conf, action: sync, target: /etc/b.conf}")
    assert found.takes("/srv/a.conf")
    assert found.place("/srv/a.conf") == "/etc/b.conf"


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("a.py", True),
        ("node_modules/x/y", False),
        ("a.py~", False),
        ("deep/.a.py.swp", False),
        ("4913", False),
        ("deep/.git/index", False),
        (".#a.py", False),
        ("a.log", False),
        ("keep.log", True),
        ("deep/a.log", True),
    ],
)
def test_what_is_ignored(path: str, taken: bool) -> None:
    (found,), _ = rules("{path: ./s, action: sync, target: /t, ignore: [node_modules/, '*.log', '!keep.log']}")
    assert found.takes(f"/srv/s/{path}") is taken


def test_a_folder_is_skipped_unless_something_in_it_is_taken_in_again() -> None:
    (plain,), _ = rules("{path: ./s, action: sync, target: /t, ignore: [out]}")
    (again,), _ = rules("{path: ./s, action: sync, target: /t, ignore: [out, '!out/a']}")
    assert plain.skips("/srv/s/out")
    assert not again.skips("/srv/s/out")
    assert again.takes("/srv/s/out/a")
    assert not plain.skips("/srv")
    assert not plain.skips("/srv/s/in")
    assert plain.skips("/srv/other")


def test_include_takes_only_what_it_names() -> None:
    (found,), _ = rules("{path: ./s, action: sync, target: /t, include: '*.py'}")
    assert found.takes("/srv/s/a.py")
    assert not found.takes("/srv/s/a.js")


def test_dockerignore_of_the_build_counts_but_not_for_the_dockerfile(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("Dockerfile\ndist\n")
    (found,), _ = rules("{path: ., action: rebuild}", "build: .,", str(tmp_path))
    assert found.takes(f"{tmp_path}/Dockerfile")
    assert not found.takes(f"{tmp_path}/dist/a")


def test_a_batch_is_one_work_for_a_service() -> None:
    found, _ = rules(
        "{path: ./s, action: sync, target: /t}, {path: ./s/p, action: rebuild}, {path: ./c, action: sync+restart,"
        " target: /c}, {path: ./x, action: sync+exec, target: /x, exec: {command: [a]}}",
        "build: .,",
    )
    (work,) = work_of(found, ["/srv/c", "/srv/s/a", "/srv/s/p", "/srv/x"])
    assert (work.rebuild, work.restart, len(work.changed)) == (True, True, 4)
    assert work.files == {"/t/a": "/srv/s/a", "/t/p": "/srv/s/p", "/c": "/srv/c", "/x": "/srv/x"}
    assert [program["argv"] for program in work.programs] == [["a"]]
    assert work_of(found, ["/srv/elsewhere"]) == []


@pytest.mark.parametrize(
    ("watch", "service", "told"),
    [
        ("{path: ., action: rebuild}", "", "error SU122 compose.yaml:1:65 there is no `build`: nothing can be rebuilt"),
        ("{path: ., action: sync+exec, target: /x}", "", 'error SU122 compose.yaml:1:65 "sync+exec" needs an `exec`'),
        ("{path: ./a, action: sync, target: /x}", "volumes: ['.:/x'],", "warning SU122"),
        ("{path: ., action: restart, ignore: ['[a']}", "", "error SU122"),
        ("{path: ., action: restart, exec: {command: x}}", "", "warning SU122"),
    ],
)
def test_rules_that_cannot_work_are_told_with_their_place(watch: str, service: str, told: str) -> None:
    (problem,) = rules(watch, service)[1]
    assert problem.startswith(told)


def test_what_is_a_bind_mount_is_not_watched_for() -> None:
    found: list[Any] = rules("{path: ./a, action: sync, target: /x}", "volumes: ['.:/x'],")[0]
    assert found == []
