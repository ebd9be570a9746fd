"""Where a program is looked for, and which interpreters are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stackup.errors import HostError, KernelError
from stackup.runtime import program


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return {"PATH": f"{tmp_path}/a:{tmp_path}/b"}


def put(path: Path, mode: int = 0o755, text: str = "#!/bin/sh\n") -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_first_on_the_path_that_may_run_wins(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "a/x").mkdir()
    wanted = put(tmp_path / "b/x")
    assert program.find(["x"], env) == wanted


def test_one_that_may_not_run_is_still_named(tmp_path: Path, env: dict[str, str]) -> None:
    denied = put(tmp_path / "a/x", 0o644)
    assert program.find(["x"], env) == denied
    runs = put(tmp_path / "b/x")
    assert program.find(["x"], env) == runs


def test_a_name_with_a_slash_is_not_searched(tmp_path: Path, env: dict[str, str]) -> None:
    put(tmp_path / "a/x")
    with pytest.raises(FileNotFoundError):
        program.find(["./x"], env)
    with pytest.raises(HostError, match="path"):
        program.find(["y"], env)


@pytest.mark.parametrize("argv", [[], [""]])
def test_nothing_to_run_says_so(argv: list[str]) -> None:
    with pytest.raises(HostError, match="no program"):
        program.find(argv, {})


def test_plain_programs_and_scripts_are_fine(tmp_path: Path) -> None:
    program.refuse_magic("/bin/busybox")
    program.refuse_magic(put(tmp_path / "script"))
    program.refuse_magic(put(tmp_path / "empty", text=""))
    program.refuse_magic(put(tmp_path / "bare", text="#!\n"))
    program.refuse_magic(str(tmp_path / "absent"))


def test_magic_links_are_not_followed_to_a_program(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("/proc/self/exe")
    inner = put(tmp_path / "inner", text=f"#! {tmp_path}/self -x\n")
    for path in ("/proc/self/exe", str(tmp_path / "self"), inner, put(tmp_path / "outer", text=f"#!{inner}\n")):
        with pytest.raises(KernelError):
            program.refuse_magic(path)


def test_the_child_loads_nothing_dear() -> None:
    """What a monitor carries for its whole life; see the budgets of the design."""
    code = (
        "import sys; sys.path.insert(0, '.'); from stackup.runtime import bootstrap, namespaces;"
        "from stackup.runtime.cgroups import groups, limits;"
        "print([name for name in ('dataclasses', 'typing', 'pathlib', 'subprocess', 'inspect') if name in sys.modules])"
    )
    seen = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout == "[]\n"
