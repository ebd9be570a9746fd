"""A volume's first filling: everything kept, nothing followed, and begun again when it was interrupted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stackup.runtime import copyup

pytestmark = pytest.mark.host


@contextmanager
def opened(*paths: Path) -> Iterator[list[int]]:
    fds = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in paths]
    yield fds
    for fd in fds:
        os.close(fd)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    image, volume = tmp_path / "image", tmp_path / "volume"
    image.mkdir()
    volume.mkdir()
    return image, volume


def fill(volume: Path, image: Path) -> bool:
    with opened(volume, image) as (target, source):
        return copyup.fill(target, source)


def test_owners_modes_times_links_and_attributes_are_kept(sides: tuple[Path, Path]) -> None:
    image, volume = sides
    (image / "deep/er").mkdir(parents=True)
    (image / "deep/er/file").write_bytes(b"x" * 100_000)
    os.chown(image / "deep/er/file", 5, 6)
    (image / "deep/er/file").chmod(0o4711)
    os.setxattr(image / "deep/er/file", "user.note", b"kept")
    os.utime(image / "deep/er/file", ns=(10**18, 10**18 + 5))
    (image / "link").symlink_to("/etc/shadow")
    os.chown(image / "link", 7, 8, follow_symlinks=False)
    os.mkfifo(image / "pipe")
    os.chown(image, 9, 10)
    image.chmod(0o2770)
    assert fill(volume, image)
    copy = volume / "deep/er/file"
    found = copy.stat()
    assert (copy.read_bytes(), found.st_uid, found.st_gid, found.st_mode & 0o7777) == (b"x" * 100_000, 5, 6, 0o4711)
    assert found.st_mtime_ns == 10**18 + 5
    assert os.getxattr(copy, "user.note") == b"kept"
    assert (os.readlink(volume / "link"), (volume / "link").lstat().st_uid) == ("/etc/shadow", 7)
    assert (volume / "pipe").is_fifo()
    assert (volume.stat().st_uid, volume.stat().st_gid, volume.stat().st_mode & 0o7777) == (9, 10, 0o2770)


def test_a_volume_with_anything_in_it_is_left_alone(sides: tuple[Path, Path]) -> None:
    image, volume = sides
    (image / "a").write_text("")
    (volume / "mine").write_text("")
    assert not fill(volume, image)
    assert os.listdir(volume) == ["mine"]


def test_an_empty_folder_gives_its_owner_and_mode(sides: tuple[Path, Path]) -> None:
    image, volume = sides
    os.chown(image, 3, 4)
    image.chmod(0o700)
    assert not fill(volume, image)
    assert (volume.stat().st_uid, volume.stat().st_mode & 0o777) == (3, 0o700)


def test_a_filling_that_was_killed_is_begun_again(sides: tuple[Path, Path]) -> None:
    image, volume = sides
    (image / "a").write_text("whole")
    (volume / "a").write_text("ha")
    (volume / "half/deep").mkdir(parents=True)
    os.setxattr(volume, "trusted.stackup.filling", b"1")
    assert fill(volume, image)
    assert os.listdir(volume) == ["a"]
    assert (volume / "a").read_text() == "whole"
    assert os.listxattr(volume) == []
    assert not fill(volume, image)
