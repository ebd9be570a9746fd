"""One path onto another in somebody else's tree, also when the tree is hostile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.images.syncing import Target


class Ends:
    def __init__(self, folder: Path) -> None:
        self.here, self.root, self.outside = folder / "here", folder / "root", folder / "outside"
        for one in (self.here, self.root, self.outside):
            one.mkdir()
        self.fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        self.target = Target(self.fd, (os.geteuid(), os.getegid()))

    def bring(self, name: str, path: str) -> bool:
        return self.target.bring(str(self.here / name), path)


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    made = Ends(tmp_path)
    yield made
    os.close(made.fd)


def test_a_file_is_brought_with_mode_and_time_and_once(ends: Ends) -> None:
    (ends.here / "a").write_text("one")
    (ends.here / "a").chmod(0o4751)
    assert ends.bring("a", "/app/deep/a")
    made = ends.root / "app/deep/a"
    assert made.read_text() == "one"
    assert made.stat().st_mode & 0o7777 == 0o751
    assert made.stat().st_mtime_ns == (ends.here / "a").stat().st_mtime_ns
    before = made.stat().st_ino
    assert not ends.bring("a", "/app/deep/a")
    assert made.stat().st_ino == before
    assert os.listdir(made.parent) == ["a"]


def test_what_is_gone_goes_with_all_in_it(ends: Ends) -> None:
    (ends.root / "app/x/y").mkdir(parents=True)
    assert ends.bring("nothing", "/app/x")
    assert os.listdir(ends.root / "app") == []
    assert not ends.bring("nothing", "/app/x")
    assert not ends.bring("nothing", "/no/such")
    assert not ends.bring("no", "/")


def test_folders_files_and_links_take_each_others_place(ends: Ends) -> None:
    (ends.here / "file").write_text("f")
    (ends.here / "folder").mkdir()
    (ends.here / "link").symlink_to("nowhere")
    for name in ("file", "folder", "link", "folder", "file", "link"):
        assert ends.bring(name, "/x")
        assert not ends.bring(name, "/x")
    assert os.readlink(ends.root / "x") == "nowhere"


def test_links_lead_nowhere_but_into_the_root(ends: Ends) -> None:
    (ends.here / "a").write_text("a")
    (ends.outside / "a").write_text("precious")
    (ends.root / "out").symlink_to(ends.outside)
    (ends.root / "up").symlink_to("../../../../../..")
    ends.bring("a", f"/up{ends.outside}/a")
    ends.bring("a", "/out/b")
    ends.bring("nothing", "/out/a")
    ends.bring("nothing", "/out")
    assert os.listdir(ends.outside) == ["a"]
    assert (ends.outside / "a").read_text() == "precious"


def test_a_link_in_a_files_place_is_replaced_and_not_followed(ends: Ends) -> None:
    (ends.here / "a").write_text("a")
    (ends.outside / "a").write_text("precious")
    (ends.root / "a").symlink_to(ends.outside / "a")
    assert ends.bring("a", "/a")
    assert not (ends.root / "a").is_symlink()
    assert (ends.outside / "a").read_text() == "precious"


def test_a_pipe_there_holds_nobody_up_and_a_pipe_here_is_not_brought(ends: Ends) -> None:
    (ends.here / "a").write_text("")
    os.mkfifo(ends.root / "a")
    os.mkfifo(ends.here / "pipe")
    assert ends.bring("a", "/a")
    assert (ends.root / "a").is_file()
    assert not ends.bring("pipe", "/pipe")
    assert not (ends.root / "pipe").exists()


def test_the_root_is_no_place_for_a_file(ends: Ends) -> None:
    (ends.here / "a").write_text("")
    with pytest.raises(HostError, match="place of the root"):
        ends.bring("a", "/")
