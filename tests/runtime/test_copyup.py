"""A volume's first filling: everything kept, nothing followed, and begun again when it was interrupted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stackup.errors import KernelError
from stackup.kernel import calls
from stackup.kernel.abi import MS_RDONLY
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


def test_several_names_of_one_file_and_holes_are_kept(sides: tuple[Path, Path]) -> None:
    image, volume = sides
    (image / "a/b").mkdir(parents=True)
    with (image / "a/sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(64 << 20)
        file.write(b"end")
        file.truncate(128 << 20)
    os.link(image / "a/sparse", image / "a/b/second")
    os.link(image / "a/sparse", image / "third")
    assert fill(volume, image)
    one, two, three = ((volume / name).stat() for name in ("a/sparse", "a/b/second", "third"))
    assert one.st_ino == two.st_ino == three.st_ino
    assert (one.st_size, one.st_nlink) == (128 << 20, 3)
    assert one.st_blocks * 512 < 1 << 20
    with (volume / "third").open("rb") as file:
        assert file.read(10) == b"begin" + bytes(5)
        file.seek(64 << 20)
        assert file.read(5) == b"end" + bytes(2)


def test_a_volume_that_cannot_be_written_is_left_alone(own_host: None, sides: tuple[Path, Path]) -> None:
    image, volume = sides
    (image / "a").write_text("")
    calls.mount("tmpfs", str(volume), "tmpfs", MS_RDONLY)
    assert not fill(volume, image)


def test_where_no_attribute_can_be_kept_a_file_is_the_mark(own_host: None, sides: tuple[Path, Path]) -> None:
    """ramfs keeps none: a filling that breaks off leaves its mark, and the next one begins again."""
    image, volume = sides
    calls.mount("ramfs", str(volume), "ramfs", 0)
    (image / "deep").mkdir()
    (image / "deep/whole").write_text("whole")
    os.mknod(image / "zz", 0o100644)
    (volume / "half").write_text("ha")
    (volume / ".stackup-filling").write_text("")
    assert fill(volume, image)
    assert sorted(os.listdir(volume)) == ["deep", "zz"]
    assert (volume / "deep/whole").read_text() == "whole"


def test_a_racer_with_the_volume_cannot_have_a_file_of_the_hosts_linked_into_it(sides: tuple[Path, Path]) -> None:
    """The folder of the first name was swapped for a link that leads out."""
    image, volume = sides
    (image / "a").mkdir()
    (image / "a/file").write_text("")
    os.link(image / "a/file", image / "second")
    outside = volume.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    (volume / "a").symlink_to(outside)
    with opened(volume) as (top,):
        copy = copyup.Copy(os.open(".", os.O_RDONLY, dir_fd=top))
        found = (image / "second").stat()
        assert not copy._linked(found, top, "file", "./a/file")
        with pytest.raises(KernelError):
            copy._linked(found, top, "second", "./second")
    assert (outside / "file").stat().st_nlink == 1


def test_a_filling_that_is_killed_at_any_moment_is_whole_in_the_end(sides: tuple[Path, Path]) -> None:
    """Each round is killed as soon as one file more than in the round before is there."""
    image, volume = sides
    names = [f"f{number}" for number in range(30)]
    for name in names:
        (image / name).write_text(name * 1000)
    for wanted in range(0, 30, 3):
        child = os.fork()
        if child == 0:
            fill(volume, image)
            os._exit(0)
        while not (ended := os.waitpid(child, os.WNOHANG)[0] != 0) and len(os.listdir(volume)) <= wanted:
            pass
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    fill(volume, image)
    assert {name: (volume / name).read_text() for name in os.listdir(volume)} == {n: n * 1000 for n in names}
