"""`config` must mean what docker compose means, where docker compose is installed: text for text where nothing stands
against it, else value for value.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stackup.stackfile.interpolate import Evaluation, Malformed, Missing
from stackup.stackfile.load import Loaded, Request, load
from stackup.stackfile.render import json_text
from tests.scenarios.oracle import alike, asked, differences, write
from tests.stackfile.drawn import ENVIRON, drawn, spelled
from tests.stackfile.test_mistakes import TABLE
from tests.stackfile.tree import cases, lines

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
CASES = sorted((ROOT / "tests/cases/oracle").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*/stack.yaml"))
FLAGS = ROOT / "tests/cases/flags"
SEEDS = range(40)


def ours(file: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/home/somebody",
        "PYTHONPATH": str(ROOT),
        "STACKUP_ROOT": str(folder / "state"),
        "STACKUP_RUN": str(folder / "run"),
    }
    command = [sys.executable, "-m", "stackup", "-f", str(file), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", [*CASES, *EXAMPLES], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_config_prints_what_docker_compose_prints(file: Path, tmp_path: Path) -> None:
    for words in (("--format", "json"), ()):
        theirs = asked(tmp_path, "-f", str(file), "config", *words)
        answer = ours(file, tmp_path, "config", *words)
        assert (theirs.returncode, answer.returncode) == (0, 0), theirs.stderr + answer.stderr
        assert answer.stdout.rstrip("\n") == theirs.stdout.rstrip("\n")


LISTS = (
    "config --services",
    "config --services top",
    "config --volumes",
    "config --profiles",
    "config --services nowhere",
    "config top",
    "config base",
    "config -q",
    "--profile p config",
    "--profile p config --no-consistency",
    "--profile p config --no-normalize",
)
SORTED = (
    "config --networks",
    "config --images",
    "config --images base",
    "config --variables",
    "--profile * config --images",
)
REFUSALS = ("config nowhere", "config --hash nowhere", "config --format toml", "config --lock-image-digests")


def copied(folder: Path) -> Path:
    """The stack for flags, in a folder of its own: docker compose reads env files from where it is called."""
    shutil.copytree(FLAGS, folder, dirs_exist_ok=True)
    return folder / "stack.yaml"


@pytest.mark.parametrize("words", [*LISTS, *SORTED])
def test_flags_print_what_docker_compose_prints(words: str, tmp_path: Path) -> None:
    """Lists that it prints in any order are compared sorted."""
    file = copied(tmp_path)
    theirs = asked(tmp_path, "-f", str(file), *words.split())
    answer = ours(file, tmp_path, *words.split())
    assert (theirs.returncode, answer.returncode) == (0, 0), theirs.stderr + answer.stderr
    order = sorted if words in SORTED else list
    assert order(answer.stdout.splitlines()) == order(theirs.stdout.splitlines())


@pytest.mark.parametrize("words", REFUSALS)
def test_flags_fail_where_docker_compose_fails(words: str, tmp_path: Path) -> None:
    file = copied(tmp_path)
    assert asked(tmp_path, "-f", str(file), *words.split()).returncode == 1
    assert ours(file, tmp_path, *words.split()).returncode == 1


def test_uninterpolated_output_means_the_same_to_docker_compose(tmp_path: Path) -> None:
    file = copied(tmp_path)
    written = ours(file, tmp_path, "config", "--no-interpolate")
    assert "${TAG:-1.0}" in written.stdout
    (tmp_path / "again.yaml").write_text(written.stdout)
    one = asked(tmp_path, "-f", str(file), "config", "--format", "json", environ={"TAG": "2", "WORDS": "a b"})
    two = asked(tmp_path, "-f", "again.yaml", "config", "--format", "json", environ={"TAG": "2", "WORDS": "a b"})
    assert differences(alike(json.loads(one.stdout)), alike(json.loads(two.stdout))) == [], two.stderr


def compared(folder: Path, named: tuple[str, ...], profiles: tuple[str, ...], environ: dict[str, str]) -> Loaded:
    """Both read the files of a folder; where both accept them they must mean the same. Gives ours."""
    words = [word for name in named for word in ("-f", name)] + [w for name in profiles for w in ("--profile", name)]
    theirs = asked(folder, *words, "config", "--format", "json", environ=environ)
    request = Request(str(folder), files=named, profiles=profiles, environ={"HOME": "/home/somebody", **environ})
    done = load(request)
    if theirs.returncode == 0 and done.stack is not None:
        assert differences(alike(json.loads(json_text(done.stack))), alike(json.loads(theirs.stdout))) == []
    elif not (theirs.returncode and done.stack is None):
        known = KNOWN_STRICT if done.stack is None else KNOWN_LENIENT
        said = lines(done) if done.stack is None else [theirs.stderr.splitlines()[-1]]
        errors = [text for text in said if not text.startswith("warning")]
        assert all(any(word in text for word in known) for text in errors), errors
    return done


APART = {"reset_and_override": "docker compose takes no single items out of a list"}
LAZY = ("${V:-${NEVER:?not evaluated}}", "${A:-{}")
"""A word that is not used is not evaluated, as the specification says; an open brace is a slip."""
KNOWN_STRICT = ("SU033", "SU039", "SU041", "SU044", "SU018", "SU006", "SU003")
"""Our codes that docker compose leaves to the engine, or to nobody."""
KNOWN_LENIENT = (
    "are equal",
    "must be a string",
    "must be a boolean",
    "cannot override",
    "conflicts with imported resource",
    "must be a array",
    "must be a mapping",
    "not found",
    "on 'mem_reservation'",
)
"""Its words where we take what is meant: see docs/conformance-notes.md."""


@pytest.mark.parametrize(
    "case", [case for case in (*cases("merge"), *cases("canonical"), *cases("traps")) if case.id not in APART]
)
def test_case_files_mean_the_same(case: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, case["files"])
    named = [name for name in case["files"] if name.endswith((".yaml", ".yml")) and "/" not in name]
    named = case.get("load", [name for name in named if name != "base.yaml"])
    compared(tmp_path, tuple(named), tuple(case.get("profiles", ())), case.get("environ", {}))


@pytest.mark.parametrize("case", cases("interpolation"))
def test_variables_mean_the_same(case: dict[str, Any], tmp_path: Path) -> None:
    evaluation = Evaluation(case["variables"].get, lambda variable: None)
    for text in (text for text in case["expect"] if text not in LAZY):
        write(tmp_path, {"stack.yaml": spelled({"services": {"a": {"image": "x", "labels": {"l": text}}}})})
        theirs = asked(tmp_path, "-f", "stack.yaml", "config", "--format", "json", environ=case["variables"])
        try:
            found = evaluation.text(text)
        except (Malformed, Missing):
            assert theirs.returncode, text
            continue
        label = json.loads(theirs.stdout)["services"]["a"]["labels"]["l"]
        assert found == label.replace("$$", "$"), text


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_stacks_mean_the_same(seed: int, tmp_path: Path) -> None:
    stack = drawn(seed)
    write(tmp_path, stack.files)
    compared(tmp_path, stack.named, stack.profiles, ENVIRON)


@pytest.mark.parametrize("kind", TABLE)
def test_docker_compose_refuses_what_the_table_says(kind: str, tmp_path: Path) -> None:
    for name, text in TABLE[kind].items():
        write(tmp_path, {"stack.yaml": text})
        refused = asked(tmp_path, "-f", "stack.yaml", "config", "-q").returncode != 0
        assert refused == (kind in ("refused", "lenient")), name
    assert len(TABLE["refused"]) >= 60
