"""What is offered at the press of a tab: by the table, and by real shells that run the scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stackup.cli.completing import split
from stackup.cli.views.shells import SCRIPTS
from tests.cli.shell import Shell, bare_environment
from tests.project.shop import SHOP

WITH_PROFILES = SHOP.replace("  web:\n", "  debug: {image: busybox, profiles: [dev, full]}\n  web:\n")
HOSTILE = 'services:\n  "$(touch hacked)": {image: i}\n  "a\\e]0;x\\ab": {image: i}\n  "x y": {image: i}\n  `id`: {image: i}\n'


def offered(shell: Shell, *words: str) -> list[str]:
    answer = shell.typed(["__complete", "words", *words])
    assert (answer.code, answer.err) == (0, "")
    return [line.partition("\t")[0] for line in answer.out.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["exe"], ["exec"]),
        (["image", "l"], ["load", "ls"]),
        (["up", "--remove"], ["--remove-orphans"]),
        (["--prof"], ["--profile"]),
        (["logs", "w"], ["web"]),
        (["logs", "web", ""], ["db", "debug"]),
        (["logs", "-n", "5", ""], ["db", "debug", "web"]),
        (["--profile", "x", "-f", "stack.yaml", "up", "-d", "--", "d"], ["db", "debug"]),
        (["--profile", ""], ["dev", "full"]),
        (["--profile=d"], ["--profile=dev"]),
        (["up", "--scale", ""], ["db=", "debug=", "web="]),
        (["up", "--exit-code-from", "w"], ["web"]),
        (["exec", "web", ""], [":files"]),
        (["-f", ""], [":files"]),
        (["--project-directory", ""], [":folders"]),
        (["config", "--format", ""], ["yaml", "json"]),
        (["--progress", "p"], ["plain"]),
        (["explain", "SU04"], ["SU040", "SU041", "SU042", "SU043", "SU044", "SU045", "SU046"]),
        (["completion", "z"], ["zsh"]),
        (["config", "w"], ["web"]),
        (["secret", "r"], ["rm"]),
        (["secret", "create", "a", ""], [":files"]),
        (["config", "create", "a", ""], [":files"]),
        (["up", "--dry-run", "w"], ["web"]),
        (["--diagnostics", ""], ["json", "github", "sarif"]),
        (["ls", ""], []),
        (["no-such-verb", "x", ""], []),
        (["logs", "--no-such-option", "w"], ["web"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_fits_is_offered(shell: Shell, words: list[str], expected: list[str]) -> None:
    shell.shop.write(WITH_PROFILES)
    assert offered(shell, *words) == expected


def test_nothing_of_ours_is_offered_that_people_do_not_type(shell: Shell) -> None:
    assert not {"--verbose", "--compatibility"} & set(offered(shell, "-"))
    assert "__complete" not in offered(shell, "")


def test_a_warm_cache_and_a_cold_one_offer_the_same(shell: Shell) -> None:
    shell.shop.write(WITH_PROFILES)
    cold = offered(shell, "logs", "")
    shell.typed("up -d")
    assert offered(shell, "logs", "") == cold


@pytest.mark.parametrize("text", ["services: [", "\0", "", "services:\n  web:\n   - x: [\n  db:\n"])
def test_a_broken_file_is_no_reason_to_speak(shell: Shell, text: str) -> None:
    shell.shop.write(text)
    assert set(offered(shell, "logs", "")) <= {"web", "db"}
    (shell.shop.folder / "stack.yaml").unlink()
    assert offered(shell, "logs", "") == []
    assert offered(shell, "--ansi", "no-such", "logs", "") == []


def test_names_that_a_shell_would_act_on_are_not_offered(shell: Shell) -> None:
    shell.shop.write(HOSTILE)
    assert offered(shell, "logs", "") == []


def test_local_includes_are_glanced_at_and_remote_ones_are_not_fetched(shell: Shell) -> None:
    shell.shop.write("include: [sub/more.yaml, https://far.example/x.yaml, oci://far.example/x]\nservices:\n  web:\n")
    (shell.shop.folder / "sub").mkdir()
    (shell.shop.folder / "sub/more.yaml").write_text("include: [../stack.yaml]\nservices:\n  extra:\n")
    assert offered(shell, "logs", "") == ["extra", "web"]


@pytest.mark.parametrize("words", [["logs", ""], ["--profile", ""], ["up", "--"], [""]])
def test_completing_loads_nothing_dear(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "stack.yaml").write_text(WITH_PROFILES)
    program = "import os, sys; from stackup.cli.main import run; code = run(sys.argv[1:], os.environ); "
    program += "sys.stdout.flush(); print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, "__complete", "words", *words],
        env=bare_environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout
    dear = {"typer", "rich", "pydantic", "ruamel", "networkx", "pyroute2", "dataclasses", "typing", "subprocess"}
    assert not {name.split(".")[0] for name in done.stderr.splitlines()} & dear


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b", ["a", "b"]),
        ("a ", ["a", ""]),
        ("", [""]),
        ("a 'b c", ["a", "b c"]),
        ('a "b"c\\ d', ["a", "bc d"]),
        ("a\\", ["a"]),
    ],
)
def test_a_line_is_split_as_far_as_it_was_typed(line: str, words: list[str]) -> None:
    assert split(line) == words


def test_an_unknown_shell_is_refused(shell: Shell) -> None:
    assert "choose bash, zsh or fish" in shell.typed("completion tcsh").err
    assert shell.typed("completion bash").out == SCRIPTS["bash"]


# Real shells.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack, and a `stackup` on the PATH that is this tree's."""
    (tmp_path / "stack.yaml").write_text(WITH_PROFILES)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/stackup"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m stackup "$@"\n')
    program.chmod(0o755)
    return tmp_path


def ran(folder: Path, shell: str, script: str) -> list[str]:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    (folder / "complete").write_text(SCRIPTS[shell])
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    environ = bare_environment(folder)
    environ |= {"PATH": f"{folder}/bin:{environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        [found, *flags, "-c", script],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.split("\n")[:-1]


BASH = """
source ./complete
COMP_LINE=$LINE COMP_POINT=${#LINE}
read -ra COMP_WORDS <<< "${LINE//=/ = }"
[[ $LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { echo "compopt $*"; }
_stackup
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""The function with the variables that bash's line editor would give it, words broken at `=`."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("stackup exe", ["exec"]),
        ("stackup logs w", ["web"]),
        ("stackup up --remove", ["--remove-orphans"]),
        ("stackup --profile d", ["dev"]),
        ("stackup --profile=d", ["dev"]),
        ("stackup up --scale web", ["compopt -o nospace", "web="]),
        ("stackup -f ", ["compopt -o default", ""]),
        ("stackup logs 'w", ["web"]),
    ],
)
def test_bash_completes(folder: Path, line: str, expected: list[str]) -> None:
    assert ran(folder, "bash", f"LINE={_quoted(line)}\n{BASH}") == expected


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("stackup exe", "exec"),
        ("stackup logs w", "web"),
        ("stackup --profile d", "dev"),
        ("stackup up --remove", "--remove-orphans"),
    ],
)
def test_fish_completes(folder: Path, line: str, expected: str) -> None:
    found = ran(folder, "fish", f"source ./complete; complete -C {_quoted(line)}")
    assert [text.split("\t")[0] for text in found] == [expected]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("stackup exe", "exec"),
        ("stackup logs w", "web"),
        ("stackup --profile d", "dev"),
        ("stackup up --remove", "--remove-orphans"),
    ],
)
def test_zsh_completes(folder: Path, line: str, expected: str) -> None:
    """The function with the words that zsh's line editor would give it; what it hands to `_describe` is printed."""
    script = f"""
compdef() {{ }}
_describe() {{ print -rl -- "${{(@P)2}}" }}
source ./complete
words=({line}) CURRENT=${{#words}}
_stackup
"""
    assert [text.split(":")[0] for text in ran(folder, "zsh", script)] == [expected]
