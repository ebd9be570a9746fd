from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from stackup.errors import HostError, UsageError
from stackup.images.build.context import Context, FileDigests, ignore_rules, load_digests, save_digests
from stackup.images.build.ignore import Ignore

LATER = 10**19
"""A clock far ahead, for which no file is fresh."""


def context(folder: Path, digests: FileDigests | None = None) -> Context:
    return Context(str(folder), digests=digests)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "context"
    for name in ("a.txt", "sub/b.txt", "sub/deep/c.log", "node_modules/x/y.js", "keep/other", "keep/this"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "link").symlink_to("/etc/passwd")
    return made


def test_a_tree_has_what_is_not_left_out(folder: Path) -> None:
    (folder / ".dockerignore").write_text("node_modules\n**/*.log\nkeep\n!keep/this\n.dockerignore\n")
    with context(folder) as found:
        assert list(found.tree.paths) == ["a.txt", "keep", "keep/this", "link", "sub", "sub/b.txt", "sub/deep"]
        assert found.tree.entries["link"].target == "/etc/passwd"
        assert found.tree.resolve("link") is None


def test_the_ignore_file_beside_the_dockerfile_comes_first(folder: Path) -> None:
    (folder / ".dockerignore").write_text("a.txt\n")
    (folder / "Other.dockerignore").write_text("sub\n")
    with context(folder) as found:
        assert not ignore_rules(found.root_fd, "Other").leaves_out("a.txt")
        assert ignore_rules(found.root_fd, "Other").leaves_out("sub/b.txt")
        assert ignore_rules(found.root_fd, "Third").leaves_out("a.txt")


def test_an_unchanged_context_costs_only_stats(folder: Path, tmp_path: Path) -> None:
    first = FileDigests(now_ns=lambda: LATER)
    with context(folder, first) as found:
        digest = found.content("a.txt")
    assert first.computed == 1
    save_digests(str(tmp_path / "digests"), first)
    again = load_digests(str(tmp_path / "digests"))
    with context(folder, again) as found:
        assert found.content("a.txt") == digest
    assert again.computed == 0


def test_a_change_is_seen_though_size_and_mtime_stay(folder: Path) -> None:
    digests = FileDigests(now_ns=lambda: LATER)
    file = folder / "a.txt"
    before = file.stat()
    with context(folder, digests) as found:
        digest = found.content("a.txt")
    file.write_text("b.txt")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with context(folder, digests) as found:
        assert found.content("a.txt") != digest


def test_a_file_that_changed_a_moment_ago_is_read_again(folder: Path) -> None:
    digests = FileDigests(now_ns=lambda: (folder / "a.txt").stat().st_ctime_ns + 1)
    with context(folder, digests) as found:
        assert found.content("a.txt") == found.content("a.txt")
    assert digests.computed == 2
    assert digests.to_data() == {}


def test_touching_changes_no_digest(folder: Path) -> None:
    with context(folder) as found:
        digest = found.content("a.txt")
    os.utime(folder / "a.txt", (1, 1))
    with context(folder) as found:
        assert found.content("a.txt") == digest


def test_a_damaged_cache_is_an_empty_one(tmp_path: Path) -> None:
    for text in ("", "[]", '{"digests": 1}', '{"digests": {"a": 1}}'):
        (tmp_path / "digests").write_text(text)
        assert load_digests(str(tmp_path / "digests")).to_data() == {}


def test_what_became_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """T48: a file that is swapped for a link, or its folder for one, between looking and reading."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "b.txt").write_text("secret")
    with context(folder) as found:
        (folder / "a.txt").unlink()
        (folder / "a.txt").symlink_to(tmp_path / "secret")
        (folder / "sub").rename(folder / "gone")
        (folder / "sub").symlink_to(tmp_path)
        for path in ("a.txt", "sub/b.txt"):
            with pytest.raises(HostError, match="cannot read"):
                found.content(path)


def test_what_is_no_file_is_left_out_and_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
        with context(folder) as found:
            assert found.skipped == ["pipe", "socket"]
            assert "pipe" not in found.tree.entries


def test_what_became_a_pipe_does_not_block(folder: Path) -> None:
    with context(folder) as found:
        (folder / "a.txt").unlink()
        os.mkfifo(folder / "a.txt")
        with pytest.raises(HostError, match="no file any more"):
            found.content("a.txt")


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_text("["), os.mkfifo])
def test_an_ignore_file_that_cannot_be_read_is_an_error(folder: Path, make: object) -> None:
    make(folder / ".dockerignore")  # type: ignore[operator]
    with pytest.raises(UsageError, match="dockerignore"):
        context(folder)


def test_an_ignore_file_that_leads_out_is_an_error(folder: Path) -> None:
    (folder / ".dockerignore").symlink_to("/etc/passwd")
    with pytest.raises(HostError, match="dockerignore"):
        context(folder)


def test_a_context_that_is_not_there() -> None:
    with pytest.raises(HostError, match="cannot read the build context"):
        Context("/nowhere/at/all", Ignore(()))
