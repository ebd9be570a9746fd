"""docker cp's rules, and that neither side can lead a copy out of its root."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackup.errors import StackupError
from stackup.images.copying import End, copy, extract, pack
from stackup.images.importer import Packed
from tests.images import tarballs as t
from tests.images.trees import plant_canary, snapshot


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Two roots beside a canary that stays as it is."""
    before = plant_canary(tmp_path / "canary")
    for name in ("from", "to"):
        (tmp_path / name).mkdir()
    yield tmp_path / "from", tmp_path / "to"
    assert snapshot(tmp_path / "canary") == before


def copied(source: Path, from_: str, target: Path, to: str, *, follow: bool = False) -> tuple[str, ...]:
    with_fds = [os.open(side, os.O_PATH | os.O_DIRECTORY) for side in (source, target)]
    try:
        ends = End(with_fds[0], from_, from_), End(with_fds[1], to, to)
        return copy(*ends, (os.geteuid(), os.getegid()), follow=follow)
    finally:
        for fd in with_fds:
            os.close(fd)


def tree(top: Path) -> dict[str, str]:
    return {
        str(path.relative_to(top)): f"-> {os.readlink(path)}"
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else "/"
        for path in sorted(top.rglob("*"))
    }


RULES = {
    "a file to a new name": ("f", "g", {"g": "f"}),
    "a file onto a file": ("f", "there", {"there": "f"}),
    "a file into a directory": ("f", "dir", {"dir": "/", "dir/f": "f"}),
    "a directory to a new name": ("d", "new", {"new": "/", "new/e": "e"}),
    "a directory into a directory": ("d", "dir/", {"dir": "/", "dir/d": "/", "dir/d/e": "e"}),
    "what is in it into a directory": ("d/.", "dir", {"dir": "/", "dir/e": "e"}),
    "what is in it to a new name": ("d/.", "new", {"new": "/", "new/e": "e"}),
    "a link as it is": ("l", "g", {"g": "-> f"}),
    "through a link of the target": ("f", "link", {"dir": "/", "link": "-> dir", "dir/f": "f"}),
    "through a link to a new name": ("f", "dangling", {"dangling": "-> later", "later": "f"}),
}


@pytest.mark.parametrize("name", RULES)
def test_a_copy_lands_where_docker_cp_puts_it(sides: tuple[Path, Path], name: str) -> None:
    source, target = sides
    (source / "d").mkdir()
    (source / "f").write_text("f")
    (source / "d/e").write_text("e")
    (source / "l").symlink_to("f")
    from_, to, expected = RULES[name]
    if "there" in expected:
        (target / "there").write_text("old")
    if "dir" in expected:
        (target / "dir").mkdir()
    for link, place in (("link", "dir"), ("dangling", "later")):
        if link in expected:
            (target / link).symlink_to(place)
    assert copied(source, from_, target, to) == ()
    assert tree(target) == expected


def test_a_link_is_followed_on_request_and_keeps_its_own_name(sides: tuple[Path, Path]) -> None:
    (sides[0] / "f").write_text("f")
    (sides[0] / "l").symlink_to("f")
    copied(sides[0], "l", sides[1], ".", follow=True)
    assert tree(sides[1]) == {"l": "f"}


@pytest.mark.parametrize(
    ("from_", "to"),
    [("nope", "x"), ("f", "no/such"), ("f", "new/"), ("f/", "x"), ("d", "there"), ("d", "dir2"), ("loop", "x/")],
)
def test_what_cannot_be_is_one_clear_error_and_changes_nothing(sides: tuple[Path, Path], from_: str, to: str) -> None:
    source, target = sides
    (source / "d").mkdir()
    (source / "d/e").write_text("e")
    (source / "f").write_text("f")
    (source / "loop").symlink_to("loop")
    (target / "there").write_text("old")
    (target / "dir2").mkdir()
    (target / "dir2/d").write_text("a file in the way")
    before = tree(target)
    with pytest.raises(StackupError):
        copied(source, from_, target, to)
    assert tree(target) == before


def test_links_that_lead_out_are_read_as_a_process_inside_would(sides: tuple[Path, Path], tmp_path: Path) -> None:
    source, target = sides
    (source / "out").symlink_to(tmp_path / "canary")
    (source / "up").symlink_to("../../../canary")
    (target / "out").symlink_to(tmp_path / "canary")
    (source / "f").write_text("f")
    for name in ("out/", "up/", "out/file"):
        with pytest.raises(StackupError):
            copied(source, name, target, "x", follow=True)
    with pytest.raises(StackupError):
        copied(source, "f", target, "out/planted")
    assert tree(target) == {"out": f"-> {tmp_path / 'canary'}"}


def test_a_stream_may_not_write_through_a_link_of_its_own(sides: tuple[Path, Path], tmp_path: Path) -> None:
    fd = os.open(sides[1], os.O_PATH | os.O_DIRECTORY)
    try:
        archive = t.tarball(t.symlink("l", str(tmp_path / "canary")), t.file("l/planted", b"x"))
        with pytest.raises(StackupError, match="leads out"):
            extract(io.BytesIO(archive), End(fd, ".", "."), None)
    finally:
        os.close(fd)


def test_names_that_mean_something_in_a_layer_mean_nothing_here(sides: tuple[Path, Path]) -> None:
    source, target = sides
    (source / "d").mkdir()
    for name in (".wh.f", ".wh..wh..opq", "f"):
        (source / "d" / name).write_text(name)
    copied(source, "d", target, "d")
    assert sorted(os.listdir(target / "d")) == sorted((".wh.f", ".wh..wh..opq", "f"))


def test_a_source_is_a_tar_stream_under_its_own_name(sides: tuple[Path, Path]) -> None:
    (sides[0] / "d").mkdir()
    (sides[0] / "d/e").write_text("e")
    os.link(sides[0] / "d/e", sides[0] / "d/same")
    fd = os.open(sides[0], os.O_PATH | os.O_DIRECTORY)
    try:
        for path, names in (("d", ["d", "d/e", "d/same"]), ("d/.", [".", "e", "same"]), ("d/e", ["e"])):
            with tarfile.open(fileobj=io.BytesIO(b"".join(pack(End(fd, path, path), follow=False)))) as archive:
                assert archive.getnames() == names
        target_fd = os.open(sides[1], os.O_PATH | os.O_DIRECTORY)
        assert extract(Packed(pack(End(fd, "d", "d"), follow=False)), End(target_fd, "/", "/"), None) == ()
        os.close(target_fd)
    finally:
        os.close(fd)
    assert (sides[1] / "d/e").stat().st_ino == (sides[1] / "d/same").stat().st_ino


def test_t9_folders_without_end_are_refused_and_not_a_crash(sides: tuple[Path, Path]) -> None:
    fd = os.open(sides[0], os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(300):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    with pytest.raises(StackupError, match="deeper than"):
        copied(sides[0], "d", sides[1], "x")
