"""Overlays without a place, by either of the ways that kernels know."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from stackup.errors import KernelError
from stackup.kernel import calls
from stackup.runtime.trees import layers_tree, new_overlay

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("own_host")]
ODD = 'a,b c"e'


@pytest.fixture(params=["new", "old"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """`old`: one that has not heard of naming layers one by one."""
    real = calls.fsconfig

    def refuse(fd: int, command: int, key: str | None, value: str | None, aux: int = 0) -> None:
        if key == "lowerdir+":
            raise KernelError(errno.EINVAL, "fsconfig", key)
        real(fd, command, key, value, aux)

    if request.param == "old":
        monkeypatch.setattr(calls, "fsconfig", refuse)


def _layers(folder: Path, count: int) -> list[str]:
    calls.mount("tmpfs", str(folder), "tmpfs", 0, "")
    found = []
    for number in range(count):
        layer = folder / f"{ODD}-{number}-{'x' * 60}"
        layer.mkdir()
        (layer / f"only-{number}").write_text("")
        (layer / "top").write_text(str(number))
        found.append(str(layer))
    return found


def _read(root: int, name: str) -> str:
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=root)) as file:
        return file.read()


@pytest.mark.usefixtures("kernel")
def test_many_layers_with_odd_names_are_one_tree(tmp_path: Path) -> None:
    root = layers_tree(_layers(tmp_path, 90))
    assert len(os.listdir(os.open(".", os.O_RDONLY, dir_fd=root))) == 91
    assert _read(root, "top") == "0"
    with pytest.raises(OSError, match="Read-only"):
        os.mkdir("x", dir_fd=root)


@pytest.mark.usefixtures("kernel")
def test_what_is_written_goes_to_the_upper_folder_and_nothing_is_left_mounted(tmp_path: Path) -> None:
    lowers = _layers(tmp_path, 3)
    upper, work = (tmp_path / f"{ODD}-{part}" for part in ("upper", "work"))
    upper.mkdir()
    work.mkdir()
    before = Path("/proc/self/mountinfo").read_text()
    root = new_overlay(lowers, str(upper), str(work))
    os.mkdir("made", dir_fd=root)
    os.unlink("only-2", dir_fd=root)
    assert sorted(os.listdir(upper)) == ["made", "only-2"]
    assert Path("/proc/self/mountinfo").read_text() == before
    assert os.getcwd() != "/proc/self/fd"


@pytest.mark.usefixtures("kernel")
def test_what_cannot_be_is_an_error_of_the_kernel(tmp_path: Path) -> None:
    with pytest.raises(KernelError):
        new_overlay([*_layers(tmp_path, 2), str(tmp_path / "absent")], "", "")
