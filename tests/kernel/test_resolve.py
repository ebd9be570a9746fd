"""Paths resolved beneath a root: what stays inside works, what would leave does not."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackup.errors import KernelError
from stackup.kernel import resolve


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "root/a/b").mkdir(parents=True)
    (tmp_path / "root/a/b/file").write_text("inside")
    return tmp_path / "root"


@pytest.fixture
def root_fd(root: Path) -> Iterator[int]:
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def where(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def refusal(call: object, *arguments: object) -> int:
    with pytest.raises(KernelError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.errno


def test_in_root_an_absolute_link_means_the_root(root: Path, root_fd: int) -> None:
    (root / "abs").symlink_to("/a/b/file")
    assert where(resolve.open_beneath(root_fd, "abs", os.O_RDONLY)) == str(root / "a/b/file")


def test_in_root_dots_cannot_climb_above_the_root(root: Path, root_fd: int) -> None:
    assert where(resolve.open_beneath(root_fd, "../../../a/b", os.O_RDONLY)) == str(root / "a/b")
    assert refusal(resolve.open_beneath, root_fd, "../outside", os.O_RDONLY) == errno.ENOENT


@pytest.mark.parametrize("target", ["/", "..", "a/../..", "/proc/self/root"])
def test_confined_refuses_a_link_that_leads_out(root: Path, root_fd: int, target: str) -> None:
    (root / "out").symlink_to(target)
    assert refusal(resolve.open_confined, root_fd, "out/outside", os.O_RDONLY) == errno.EXDEV


def test_confined_follows_a_link_that_stays(root: Path, root_fd: int) -> None:
    (root / "a/link").symlink_to("../a/b")
    assert where(resolve.open_confined(root_fd, "a/link/file", os.O_RDONLY)) == str(root / "a/b/file")


def test_magic_links_are_no_way_out() -> None:
    host_fd = os.open("/", os.O_PATH)
    inner_fd = os.open("/proc", os.O_PATH)
    try:
        path = f"self/fd/{host_fd}"
        assert refusal(resolve.open_beneath, inner_fd, path, os.O_PATH) in {errno.ELOOP, errno.EXDEV}
    finally:
        os.close(host_fd)
        os.close(inner_fd)


def test_a_path_with_a_nul_is_refused_not_shortened(root_fd: int) -> None:
    assert refusal(resolve.open_beneath, root_fd, "a\0b", os.O_RDONLY) == errno.EINVAL


def test_directories_are_made_with_their_parents_and_the_asked_mode(root: Path, root_fd: int) -> None:
    assert where(resolve.make_dirs(root_fd, "/x/y/z", 0o777)) == str(root / "x/y/z")
    assert (root / "x/y").stat().st_mode & 0o7777 == 0o777


def test_making_directories_that_exist_is_fine(root: Path, root_fd: int) -> None:
    assert where(resolve.make_dirs(root_fd, "a/b")) == str(root / "a/b")
    assert where(resolve.make_dirs(root_fd, "")) == str(root)


def test_a_dangling_link_is_made_good_inside_the_root(root: Path, root_fd: int, tmp_path: Path) -> None:
    (root / "run").symlink_to("/../../elsewhere/deep")
    assert where(resolve.make_dirs(root_fd, "run/lock")) == str(root / "elsewhere/deep/lock")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["outside", "root"]


def test_a_relative_dangling_link_starts_where_it_stands(root: Path, root_fd: int) -> None:
    (root / "a/tmp").symlink_to("../var/tmp")
    assert where(resolve.make_dirs(root_fd, "a/tmp/x")) == str(root / "var/tmp/x")


def test_links_in_a_circle_end_in_an_error(root: Path, root_fd: int) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    assert refusal(resolve.make_dirs, root_fd, "one/x") == errno.ELOOP
    assert refusal(resolve.make_file, root_fd, "one") == errno.ELOOP


def test_a_dangling_chain_that_grows_ends_in_an_error(root: Path, root_fd: int) -> None:
    (root / "grow").symlink_to("grow/x")
    assert refusal(resolve.make_dirs, root_fd, "grow") == errno.ELOOP


def test_a_directory_is_not_made_through_a_file(root: Path, root_fd: int) -> None:
    assert refusal(resolve.make_dirs, root_fd, "a/b/file/x") == errno.ENOTDIR


def test_a_file_target_is_made_empty_with_its_parents(root: Path, root_fd: int) -> None:
    assert where(resolve.make_file(root_fd, "/etc/resolv.conf", 0o600)) == str(root / "etc/resolv.conf")
    assert (root / "etc/resolv.conf").stat().st_mode & 0o7777 == 0o600


def test_a_file_target_behind_a_dangling_link_is_made_inside(root: Path, root_fd: int, tmp_path: Path) -> None:
    (root / "resolv.conf").symlink_to("../../run/systemd/resolv.conf")
    assert where(resolve.make_file(root_fd, "resolv.conf")) == str(root / "run/systemd/resolv.conf")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["outside", "root"]


def test_an_existing_file_is_a_target_and_keeps_its_content(root: Path, root_fd: int) -> None:
    assert where(resolve.mount_target(root_fd, "a/b/file", directory=False)) == str(root / "a/b/file")
    assert (root / "a/b/file").read_text() == "inside"


def test_a_mount_target_of_the_other_sort_is_refused(root_fd: int) -> None:
    with pytest.raises(KernelError) as caught:
        resolve.mount_target(root_fd, "a/b", directory=False)
    assert caught.value.errno == errno.EISDIR
    with pytest.raises(KernelError) as caught:
        resolve.mount_target(root_fd, "a/b/file", directory=True)
    assert caught.value.errno == errno.ENOTDIR


def test_removing_a_tree_does_not_follow_links(root: Path, root_fd: int, tmp_path: Path) -> None:
    (root / "a/b/out").symlink_to(tmp_path)
    (root / "a/b/closed").mkdir(mode=0o000)
    resolve.remove_tree(root_fd, "a")
    assert list(root.iterdir()) == []
    assert (tmp_path / "outside").read_text() == "secret"


def test_removing_a_link_leaves_its_target(root: Path, root_fd: int) -> None:
    (root / "link").symlink_to("a")
    resolve.remove_tree(root_fd, "link")
    assert (root / "a/b/file").exists()


def test_removing_what_is_gone_is_fine(root: Path, root_fd: int) -> None:
    resolve.remove_tree(root_fd, "nothing")
    assert (root / "a").exists()


def test_the_module_is_cheap_enough_for_the_launcher() -> None:
    import subprocess

    dear = "{'dataclasses', 'typing', 'enum', 're', 'pathlib', 'subprocess'}"
    code = f"import sys, stackup.kernel.resolve; assert not {dear} & set(sys.modules), {dear} & set(sys.modules)"
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {os.getcwd()!r}); {code}"], check=True
    )
