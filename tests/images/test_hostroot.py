"""What of this machine's /etc gets into `image: host`, and above all what does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.images import hostroot

SECRETS = [
    "etc/shadow",
    "etc/ssl/private/key.pem",
    "etc/pip.conf",
    "etc/npmrc",
    "etc/java-17/management/jmxremote.password",
    "etc/ssh/ssh_host_key",
    "etc/machine-id",
]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for name in ("usr/bin", "usr/lib", "etc"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        *SECRETS,
        "etc/services",
        "etc/python3.11/sitecustomize.py",
        "etc/java-17/security/java.security",
        "etc/ld.so.conf.d/a.conf",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("content")
    return tmp_path


def paths(machine: Path) -> dict[str, bytes]:
    return {entry.path: data for entry, data in hostroot.etc(str(machine)) if entry.kind == "file"}


def test_the_allowed_part_is_taken_with_its_content(machine: Path) -> None:
    assert paths(machine) == {
        "etc/services": b"content", "etc/python3.11/sitecustomize.py": b"content", "etc/java-17/security/java.security": b"content",
        "etc/ld.so.conf.d/a.conf": b"content",
    }  # fmt: skip


def test_what_only_root_may_read_stays_out(machine: Path) -> None:
    (machine / "etc/services").chmod(0o640)
    (machine / "etc/java-17").chmod(0o750)
    assert set(paths(machine)) == {"etc/python3.11/sitecustomize.py", "etc/ld.so.conf.d/a.conf"}


def test_a_private_key_stays_out_wherever_it_lies(machine: Path) -> None:
    (machine / "etc/ld.so.conf.d/a.conf").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert "etc/ld.so.conf.d/a.conf" not in paths(machine)


def test_a_huge_file_and_a_pipe_stay_out(machine: Path) -> None:
    os.truncate(machine / "etc/services", 5 << 20)
    os.mkfifo(machine / "etc/protocols")
    assert not {"etc/services", "etc/protocols"} & set(paths(machine))


def test_a_link_is_taken_as_a_link(machine: Path) -> None:
    (machine / "etc/localtime").symlink_to("/etc/shadow")
    (found,) = [entry for entry, _ in hostroot.etc(str(machine)) if entry.path == "etc/localtime"]
    assert (found.kind, found.link) == ("symlink", "/etc/shadow")


def test_parents_come_before_their_children_and_once(machine: Path) -> None:
    listed = [entry.path for entry, _ in hostroot.etc(str(machine))]
    assert len(listed) == len(set(listed))
    assert all(os.path.dirname(path) in {"etc", *listed[:at]} for at, path in enumerate(listed))


def test_the_top_of_usr_is_hidden_except_where_the_root_has_its_own(machine: Path) -> None:
    (machine / "usr/etc").mkdir()
    (machine / "bin").symlink_to("usr/bin")
    (machine / "lib").symlink_to("usr/lib")
    (machine / "usr/share").mkdir()
    listed = {entry.path for entry, _ in hostroot.skeleton(str(machine), over_usr=True)}
    assert {".wh.share", "etc/.wh..wh..opq", "usr/share", "usr/bin", "bin"} <= listed
    assert not {".wh.bin", ".wh.etc", ".wh.lib"} & listed


def test_the_fingerprint_follows_what_is_allowed_only(machine: Path) -> None:
    before = hostroot.fingerprint(str(machine))
    (machine / "etc/shadow").write_text("other")
    assert hostroot.fingerprint(str(machine)) == before
    (machine / "etc/services").write_text("other content")
    assert hostroot.fingerprint(str(machine)) != before


def test_mounts_below_usr_are_found(machine: Path) -> None:
    assert hostroot.mounts_below_usr(str(machine)) == []
