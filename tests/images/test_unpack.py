"""Layers from archives, hostile ones first: rows T1 to T10 of the threats, each beside a canary that must not change."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackup.errors import StackupError
from stackup.images.refusal import ArchiveRefused
from stackup.images.tar import Limits
from tests.images import tarballs as t
from tests.images.conftest import Unpack
from tests.images.trees import snapshot


def refused(unpack_into: Unpack, *members: bytes, privileged: bool = False, limits: Limits | None = None) -> str:
    with pytest.raises(ArchiveRefused) as caught:
        unpack_into(t.tarball(*members), privileged=privileged, limits=limits)
    return caught.value.message


def is_whiteout(path: Path) -> bool:
    info = path.lstat()
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def mark(path: Path) -> bytes:
    return os.getxattr(path, "user.overlay.opaque")


def test_a_plain_tree_arrives_as_archived(root: Path, unpack_into: Unpack) -> None:
    done = unpack_into(
        t.tarball(
            t.directory(".", 0o755),
            t.directory("etc", 0o750),
            t.file("etc/motd", b"hello", mode=0o640, mtime=1000),
            t.symlink("motd", "/etc/motd"),
            t.hardlink("again", "etc/motd"),
            t.block(b"pipe", b"6", mode=0o600),
        )
    )
    assert (done.entries, done.size, done.opaque_root, done.skipped) == (6, 5, False, ())
    assert (root / "etc/motd").read_text() == "hello"
    assert (root / "etc/motd").stat().st_mtime == 1000
    assert (root / "again").stat().st_ino == (root / "etc/motd").stat().st_ino
    assert os.readlink(root / "motd") == "/etc/motd"
    assert stat.S_IMODE((root / "etc").stat().st_mode) == 0o750
    assert (root / "etc").stat().st_mtime == 1_700_000_000
    assert stat.S_ISFIFO((root / "pipe").stat().st_mode)


def test_missing_parents_are_made_for_everybody_to_pass(root: Path, unpack_into: Unpack) -> None:
    unpack_into(t.tarball(t.file("a/b/c", b"x")))
    assert stat.S_IMODE((root / "a/b").stat().st_mode) == 0o755


def test_a_closed_directory_does_not_keep_its_content_out(root: Path, unpack_into: Unpack) -> None:
    unpack_into(
        t.tarball(t.directory("ro", 0o555), t.file("ro/f", b"x"), t.directory("ro/sub", 0o500), t.file("ro/sub/g"))
    )
    assert stat.S_IMODE((root / "ro/sub").stat().st_mode) == 0o500


def test_more_directories_than_stay_open(root: Path, unpack_into: Unpack) -> None:
    names = [f"d{number}/e" for number in range(200)] * 2
    unpack_into(t.tarball(*(t.file(f"{name}{index}", b"x") for index, name in enumerate(names))))
    assert len(list(root.glob("d*/e*"))) == 400


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a//b", "a/../../x", ".."])
def test_t1_names_that_leave_are_refused(name: str, unpack_into: Unpack, canary: Path, root: Path) -> None:
    assert "entry" in refused(unpack_into, t.file(name, b"x"))
    assert list(root.iterdir()) == []


def test_t1_a_nul_in_a_pax_name_is_refused(unpack_into: Unpack, canary: Path) -> None:
    assert "extension" in refused(unpack_into, t.pax({"path": b"a\0" + b"b" * 120}), t.file("a"))


def test_t2_writing_through_a_link_to_the_host_is_refused(unpack_into: Unpack, canary: Path) -> None:
    assert "leads out" in refused(unpack_into, t.symlink("out", str(canary)), t.file("out/etc/passwd", b"pwned"))


def test_t2_writing_through_a_relative_link_to_the_host_is_refused(unpack_into: Unpack, canary: Path) -> None:
    assert "leads out" in refused(unpack_into, t.symlink("out", "../../../host"), t.file("out/new", b"pwned"))


def test_t2_writing_through_a_link_that_stays_lands_inside(root: Path, unpack_into: Unpack, canary: Path) -> None:
    unpack_into(t.tarball(t.directory("usr/lib"), t.symlink("lib", "usr/lib"), t.file("lib/x", b"inside")))
    assert (root / "usr/lib/x").read_text() == "inside"


def test_t2_a_file_never_opens_a_link_of_its_own_name(root: Path, unpack_into: Unpack, canary: Path) -> None:
    unpack_into(t.tarball(t.symlink("f", str(canary / "etc/passwd")), t.file("f", b"mine")))
    assert (root / "f").read_text() == "mine"
    assert not (root / "f").is_symlink()


def test_t3_a_chain_that_reads_inside_and_resolves_outside_is_refused(unpack_into: Unpack, canary: Path) -> None:
    # As text a/b/up is a/..; by the kernel's walk `b` is elsewhere and `..` starts from there.
    chain = (
        t.directory("deep/er/est"),
        t.symlink("a", "deep/er/est"),
        t.symlink("deep/er/est/up", "../../../.."),
        t.file("a/up/x"),
    )
    assert "leads out" in refused(unpack_into, *chain)


def test_t3_links_in_a_circle_are_refused(unpack_into: Unpack) -> None:
    assert "too many links" in refused(unpack_into, t.symlink("a", "b"), t.symlink("b", "a"), t.file("a/x"))


def test_t3_a_link_changed_under_a_known_directory_counts(unpack_into: Unpack, canary: Path) -> None:
    members = (t.directory("d"), t.symlink("l", "d"), t.file("l/one"), t.symlink("l", "../../../host"), t.file("l/two"))
    assert "leads out" in refused(unpack_into, *members)


@pytest.mark.parametrize("target", ["../../../host/etc/passwd", "/etc/passwd", "out/etc/passwd", "missing"])
def test_t4_a_hard_link_to_the_outside_is_refused(target: str, unpack_into: Unpack, canary: Path) -> None:
    assert target in refused(unpack_into, t.symlink("out", str(canary)), t.hardlink("h", target))


def test_t4_a_hard_link_to_a_symbolic_link_is_refused(unpack_into: Unpack, canary: Path) -> None:
    message = refused(
        unpack_into, t.directory("a/b"), t.symlink("a/b/deep", "../../../x"), t.hardlink("shallow", "a/b/deep")
    )
    assert "hard link to a symbolic link" in message


def test_t4_a_hard_link_to_a_directory_is_refused(unpack_into: Unpack) -> None:
    assert "a directory" in refused(unpack_into, t.directory("d"), t.hardlink("h", "d"))
    assert "a directory" in refused(unpack_into, t.directory("d"), t.hardlink("h", "./"))


def test_t5_a_later_entry_does_not_write_through_an_earlier_link(root: Path, unpack_into: Unpack, canary: Path) -> None:
    os.link(canary / "etc/passwd", root / "planted")  # as if an earlier link to the host had worked
    try:
        unpack_into(t.tarball(t.file("planted", b"pwned", mode=0o777)))
        assert (canary / "etc/passwd").read_text() == "root:x:0:0\n"
        assert (root / "planted").stat().st_ino != (canary / "etc/passwd").stat().st_ino
    finally:
        (root / "planted").unlink()


def test_t5_a_hard_link_entry_changes_nothing_of_its_target(root: Path, unpack_into: Unpack) -> None:
    unpack_into(t.tarball(t.file("f", b"x", mode=0o600), t.block(b"h", b"1", link=b"f", mode=0o777)))
    assert stat.S_IMODE((root / "f").stat().st_mode) == 0o600


def test_t6_attributes_of_a_link_stay_with_the_link(root: Path, unpack_into: Unpack, canary: Path) -> None:
    target = str(canary / "etc/script").encode()
    link = t.pax({"SCHILY.xattr.user.note": "x"}) + t.block(b"l", b"2", link=target, mode=0o7777, mtime=1)
    done = unpack_into(t.tarball(link))
    assert (root / "l").lstat().st_mtime == 1
    assert done.skipped == ('l: attribute "user.note" cannot be set here',)


def test_t6_a_directory_entry_over_a_link_replaces_the_link(root: Path, unpack_into: Unpack, canary: Path) -> None:
    unpack_into(t.tarball(t.symlink("d", str(canary)), t.directory("d", 0o700), t.file("d/x", b"inside")))
    assert (root / "d/x").read_text() == "inside"
    assert not (root / "d").is_symlink()


def test_t7_a_whiteout_becomes_overlays_own(root: Path, unpack_into: Unpack) -> None:
    unpack_into(t.tarball(t.directory("etc"), t.file("etc/.wh.motd"), t.file(".wh.gone")))
    assert is_whiteout(root / "etc/motd")
    assert is_whiteout(root / "gone")
    assert sorted(os.listdir(root / "etc")) == ["motd"]


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "a/.wh...", "../.wh.x", "a/.wh.b/c"])
def test_t7_a_whiteout_that_traverses_is_refused(name: str, unpack_into: Unpack, canary: Path) -> None:
    refused(unpack_into, t.file(name))


@pytest.mark.parametrize("name", [".wh.passwd", ".wh..wh..opq"])
def test_t7_a_whiteout_through_a_link_is_refused(name: str, unpack_into: Unpack, canary: Path) -> None:
    refused(unpack_into, t.symlink("out", str(canary / "etc")), t.file(f"out/{name}"))


def test_t7_an_opaque_mark_is_set_and_the_archives_own_attributes_are_not(root: Path, unpack_into: Unpack) -> None:
    forged = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.overlay.opaque": "x"}
    done = unpack_into(t.tarball(t.pax(forged), t.directory("d"), t.directory("e"), t.file("e/.wh..wh..opq")))
    assert os.listxattr(root / "d") == []
    assert mark(root / "e") == b"y"
    assert len(done.skipped) == 2


def test_a_whiteout_means_the_layers_below_whatever_its_place(root: Path, unpack_into: Unpack) -> None:
    unpack_into(
        t.tarball(t.file("f", b"mine"), t.file(".wh.f"), t.file(".wh.d"), t.directory("d"), t.file("d/g", b"mine"))
    )
    assert (root / "f").read_text() == "mine"
    assert (root / "d/g").read_text() == "mine"
    assert mark(root / "d") == b"y"


def test_an_opaque_root_is_reported(unpack_into: Unpack) -> None:
    assert unpack_into(t.tarball(t.file(".wh..wh..opq"))).opaque_root


def test_t8_without_privilege_devices_are_left_out_and_set_id_bits_too(root: Path, unpack_into: Unpack) -> None:
    done = unpack_into(t.tarball(t.block(b"null", b"3", device=(1, 3)), t.file("su", b"x", mode=0o6755, uid=0)))
    assert done.skipped == ("null: a device, which needs root",)
    assert stat.S_IMODE((root / "su").stat().st_mode) == 0o755
    assert (root / "su").stat().st_uid == os.geteuid()


def test_t8_device_numbers_that_mean_a_whiteout_or_nothing_are_refused(unpack_into: Unpack) -> None:
    assert "0:0" in refused(unpack_into, t.block(b"c", b"3", device=(0, 0)))
    assert "device" in refused(unpack_into, t.block(b"c", b"3", device=(2**20, 1)))


@pytest.mark.host
def test_t8_with_privilege_owners_modes_devices_and_attributes_are_kept(root: Path, unpack_into: Unpack) -> None:
    capability = (
        b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"  # cap_net_bind_service
    )
    unpack_into(
        t.tarball(
            t.file("su", b"x", mode=0o4755, uid=12, gid=34), t.block(b"null", b"3", mode=0o666, device=(1, 3)),
            t.pax({"SCHILY.xattr.security.capability": capability}), t.file("caps", b"x", mode=0o755, uid=5),
            t.block(b"l", b"2", link=b"su", uid=7), t.directory("d", 0o1777, gid=9), t.file("d/.wh..wh..opq"),
        ),
        privileged=True,
    )  # fmt: skip
    su, null = (root / "su").stat(), (root / "null").stat()
    assert (su.st_uid, su.st_gid, stat.S_IMODE(su.st_mode)) == (12, 34, 0o4755)
    assert (os.major(null.st_rdev), os.minor(null.st_rdev), stat.S_IMODE(null.st_mode)) == (1, 3, 0o666)
    assert os.getxattr(root / "caps", "security.capability") == capability
    assert (root / "l").lstat().st_uid == 7
    assert stat.S_IMODE((root / "d").stat().st_mode) == 0o1777
    assert os.getxattr(root / "d", "trusted.overlay.opaque") == b"y"


@pytest.mark.host
def test_t6_an_owner_for_a_link_does_not_reach_its_target(unpack_into: Unpack, canary: Path) -> None:
    target = str(canary / "etc/script").encode()
    unpack_into(t.tarball(t.block(b"l", b"2", link=target, uid=1234, gid=1234)), privileged=True)


def test_t9_too_many_entries_too_deep_and_too_large_stop(root: Path, unpack_into: Unpack) -> None:
    assert "entries" in refused(unpack_into, t.file("a") * 200, limits=Limits(entries=100))
    assert "deeper" in refused(unpack_into, t.pax({"path": "d/" * 2000 + "f"}), t.file("f"))
    assert "bytes" in refused(unpack_into, t.file("a", b"x" * 100_000), limits=Limits(size=10_000))


def test_t10_of_two_entries_with_one_name_the_later_wins(root: Path, unpack_into: Unpack) -> None:
    unpack_into(
        t.tarball(
            t.file("f", b"one"), t.hardlink("h", "f"), t.file("f", b"two"), t.symlink("f2", "a"), t.symlink("f2", "b")
        )
    )
    assert ((root / "f").read_text(), (root / "h").read_text(), os.readlink(root / "f2")) == ("two", "one", "b")


def test_t10_names_that_differ_in_case_are_two_files(root: Path, unpack_into: Unpack) -> None:
    unpack_into(t.tarball(t.file("Readme", b"1"), t.file("README", b"2")))
    assert sorted(os.listdir(root)) == ["README", "Readme"]


def test_t10_a_directory_cannot_become_something_else(unpack_into: Unpack) -> None:
    assert "directory" in refused(unpack_into, t.directory("d"), t.file("d/x"), t.file("d", b"x"))


def test_a_hard_link_to_itself_keeps_the_file(root: Path, unpack_into: Unpack) -> None:
    unpack_into(t.tarball(t.file("f", b"x"), t.hardlink("f", "f"), t.symlink("here", "."), t.hardlink("here/f", "f")))
    assert (root / "f").read_text() == "x"


def test_a_name_that_the_disk_cannot_hold_is_the_archives_fault(unpack_into: Unpack) -> None:
    assert "too long" in refused(unpack_into, t.gnu_long(b"n" * 300), t.file("n"))


def test_below_a_file_or_a_dead_link_there_is_nothing(unpack_into: Unpack) -> None:
    assert "not a directory" in refused(unpack_into, t.file("f"), t.file("f/x"))
    assert "link to nothing" in refused(unpack_into, t.symlink("dead", "nowhere"), t.file("dead/x"))


def test_names_in_messages_do_not_steer_a_terminal(unpack_into: Unpack) -> None:
    for name in ("h\x1b]0;x\x07", "h\u202e", "hé"):
        message = refused(unpack_into, t.hardlink(name, "missing"))
        assert message.isprintable()
    assert "hé" in message
    done = unpack_into(t.tarball(t.block(b"\xff\x1b", b"3", device=(1, 3))))
    assert done.skipped == ("\\udcff\\x1b: a device, which needs root",)


NAMES = st.sampled_from(["a", "b", "a/b", "a/c", "b/c", "a/b/c", ".", "a/.wh.b", ".wh.a", "a/.wh..wh..opq"])
TARGETS = st.sampled_from(["a", "b", "a/b", "..", "../..", "../../../host", "/", "/etc", "../host/etc", "."])
MEMBERS = st.one_of(
    st.builds(t.file, NAMES, st.binary(max_size=20)), st.builds(t.directory, NAMES), st.builds(t.symlink, NAMES, TARGETS),
    st.builds(t.hardlink, NAMES, NAMES),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MEMBERS, max_size=12))
def test_no_order_of_links_and_files_reaches_the_host(
    root: Path, unpack_into: Unpack, canary: Path, members: list[bytes]
) -> None:
    before = snapshot(canary)
    try:
        unpack_into(t.tarball(*members))
    except StackupError:
        pass
    assert snapshot(canary) == before
    assert sorted(os.listdir(canary.parent)) == ["host", "store"]
