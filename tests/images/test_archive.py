"""Directories as tar streams: the same tree is the same bytes, and what is packed unpacks to itself."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from stackup.images.archive import END, header, pack_directory
from stackup.images.refusal import ArchiveRefused
from stackup.images.tar import Entry, Limits, TarReader
from tests.images.conftest import Unpack
from tests.images.trees import snapshot


def packed(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return b"".join(pack_directory(fd))
    finally:
        os.close(fd)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "etc").mkdir(parents=True)
    (top / "etc/motd").write_text("hello")
    (top / "etc/motd").chmod(0o640)
    os.link(top / "etc/motd", top / "z-again")
    (top / "link").symlink_to("/etc/motd")
    (top / ("long-" * 40)).write_bytes(b"x" * 1000)
    (top / "é").mkdir(mode=0o700)
    os.mkfifo(top / "pipe")
    os.setxattr(top / "etc/motd", "user.note", b"kept")
    for name in ("etc/motd", "etc", "link", "pipe", "é", "long-" * 40, "."):
        os.utime(top / name, ns=(10**18, 10**18), follow_symlinks=False)
    return top


def relative(top: Path) -> dict[str, object]:
    return {os.path.relpath(path, top): facts for path, facts in snapshot(top).items()}


def test_what_is_packed_unpacks_to_itself(tree: Path, root: Path, unpack_into: Unpack) -> None:
    unpack_into(packed(tree))
    assert relative(root) == relative(tree)


def test_packing_twice_gives_the_same_bytes(tree: Path) -> None:
    assert packed(tree) == packed(tree)


def test_other_readers_agree(tree: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(tree))) as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert set(members) == {".", "etc", "etc/motd", "link", "long-" * 40, "pipe", "z-again", "é"}
    assert members["z-again"].linkname == "etc/motd"
    assert members["etc/motd"].pax_headers == {"SCHILY.xattr.user.note": "kept"}


def test_whiteouts_and_opaque_marks_become_the_archives_own(tmp_path: Path, root: Path, unpack_into: Unpack) -> None:
    upper = tmp_path / "upper"
    for name in ("d", "nested", "opaque"):
        (upper / name).mkdir(parents=True)
    os.mknod(upper / "d/gone", stat.S_IFCHR, 0)
    (upper / "nested/gone").touch()
    os.setxattr(upper / "nested/gone", "user.overlay.whiteout", b"y")
    os.setxattr(upper / "nested", "user.overlay.opaque", b"x")
    os.setxattr(upper / "opaque", "user.overlay.opaque", b"y")
    unpack_into(packed(upper))
    for name in ("d/gone", "nested/gone"):
        assert stat.S_ISCHR((root / name).lstat().st_mode)
        assert (root / name).lstat().st_rdev == 0
    assert os.listxattr(root / "nested") == []
    assert os.getxattr(root / "opaque", "user.overlay.opaque") == b"y"


def test_a_file_that_looks_like_a_deletion_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".wh.x").touch()
    with pytest.raises(ArchiveRefused, match="deletion"):
        packed(tmp_path)


def test_a_socket_is_left_out(tmp_path: Path) -> None:
    os.mknod(tmp_path / "sock", stat.S_IFSOCK | 0o600)
    assert b"sock" not in packed(tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        Entry("a", "file", 0o644),
        Entry("n" * 300, "symlink", 0o777, 4000000, 4000001, link="t" * 300),
        Entry("big", "file", 0o600, size=9 << 30),
        Entry("c", "char", 0o600, device=(5, 1)),
        Entry("x", "directory", 0o755, mtime_ns=5 * 10**9, xattrs={"user.a": b"\n=\0"}),
        Entry("p" * 99, "directory", 0o755),
    ],
)
def test_a_header_reads_back_as_its_entry(entry: Entry) -> None:
    assert next(iter(TarReader(iter([header(entry) + END]), Limits()))) == entry
