"""This machine as an image: its /usr below a made-up root, and nothing else of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stackup.errors import Unsupported
from stackup.images import host
from stackup.images.soundness import problems
from stackup.images.store import Store
from tests.images.trees import snapshot


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A small merged-usr system with secrets in the usual places."""
    top = tmp_path / "machine"
    for name in (
        "usr/bin",
        "usr/lib",
        "usr/sbin",
        "usr/share",
        "usr/etc",
        "etc/ssl/certs",
        "etc/ssl/private",
        "etc/alternatives",
        "root",
    ):
        (top / name).mkdir(parents=True)
    for name in ("bin", "lib", "sbin"):
        (top / name).symlink_to(f"usr/{name}")
    for name in ("sh", "ls", "env"):
        (top / "usr/bin" / name).touch()
    (top / "usr/tmp").symlink_to("../var/tmp")
    (top / "etc/services").write_text("http 80/tcp\n")
    (top / "etc/shadow").write_text("root:secret\n")
    (top / "etc/ssl/private/key.pem").write_text("secret")
    (top / "etc/ssl/certs/ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (top / "etc/ssl/certs/oops.pem").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    (top / "etc/alternatives/awk").symlink_to("/usr/bin/mawk")
    return top


def made_root(store: Store, machine: Path) -> Path:
    return Path(host.rootfs(store, machine=str(machine)).lowers[0])


def test_the_root_is_made_once_and_its_answer_is_the_same(store: Store, machine: Path) -> None:
    before = snapshot(machine)
    first, second = (host.rootfs(store, machine=str(machine)) for _ in range(2))
    assert first == second
    assert first.config.cmd == ("sh",)
    assert store.has_layer(first.id)
    assert problems(store) == ()
    assert snapshot(machine) == before


def test_the_machines_usr_is_in_it_one_way_or_the_other(store: Store, machine: Path) -> None:
    found = host.rootfs(store, machine=str(machine))
    usr = str(machine / "usr")
    assert found.lowers[1:] == (usr,) or found.binds == ((usr, "/usr"),)


def test_the_root_has_links_into_usr_and_the_usual_empty_places(store: Store, machine: Path) -> None:
    root = made_root(store, machine)
    assert [os.readlink(root / name) for name in ("bin", "lib", "sbin", "var/run")] == [
        "usr/bin",
        "usr/lib",
        "usr/sbin",
        "/run",
    ]
    assert {"proc", "sys", "dev", "tmp", "var", "run", "root", "home", "etc", "usr"} <= set(os.listdir(root))
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert "root:x:0:0:" in (root / "etc/passwd").read_text()
    assert "nogroup:x:65534:" in (root / "etc/group").read_text()


def test_a_change_of_the_machine_makes_another_root(store: Store, machine: Path) -> None:
    old = made_root(store, machine)
    (machine / "etc/services").write_text("http 80/tcp\nhttps 443/tcp\n")
    new = made_root(store, machine)
    assert (new / "etc/services").read_text() == "http 80/tcp\nhttps 443/tcp\n"
    assert (old / "etc/services").read_text() == "http 80/tcp\n"
    assert new != old
    assert str(new).split("/")[-2] in os.listdir(os.path.join(store.dir, "layers"))
    assert len(store.prune()[1]) == 1


def test_a_change_outside_the_allowed_part_changes_nothing(store: Store, machine: Path) -> None:
    old = made_root(store, machine)
    (machine / "etc/shadow").write_text("root:other\n")
    (machine / "usr/bin/new").touch()
    assert made_root(store, machine) == old


def test_a_removed_layer_is_made_again(store: Store, machine: Path) -> None:
    first = host.rootfs(store, machine=str(machine))
    os.unlink(os.path.join(store.dir, "host.json"))
    store.prune()
    assert host.rootfs(store, machine=str(machine)) == first


def test_a_machine_without_a_merged_usr_is_told_so(store: Store, machine: Path) -> None:
    (machine / "bin").unlink()
    (machine / "bin").mkdir()
    with pytest.raises(Unsupported, match='"/bin"'):
        host.rootfs(store, machine=str(machine))
    assert "does not work" in host.describe_host(machine=str(machine))[0]


def test_a_whole_machine_has_no_findings_and_a_lacking_one_does(machine: Path) -> None:
    assert host.describe_host(machine=str(machine)) == []
    (machine / "usr/bin/sh").unlink()
    assert host.describe_host(machine=str(machine)) == ['image: host has no "sh"']


MOUNTED = """
import os, sys
sys.path.insert(0, {cwd!r})
from stackup.images import host
from stackup.images.store import Store
from stackup.kernel import calls
from stackup.kernel.abi import CLONE_NEWNS, MNT_DETACH, MS_PRIVATE, MS_REC

calls.unshare(CLONE_NEWNS)
calls.mount("none", "/", "none", MS_REC | MS_PRIVATE)
calls.mount("work", {work!r}, "tmpfs", 0)
os.chdir({work!r})
for name in ("upper", "work", "root", "base", "outer", "outer-upper", "outer-work"):
    os.mkdir(name)
if sys.argv[2] == "overlay":
    calls.mount("overlay", "base", "overlay", 0, "lowerdir=outer,upperdir=outer-upper,workdir=outer-work")
found = host.rootfs(Store({work!r} + "/base/images"))
assert not found.binds
calls.mount("overlay", "root", "overlay", 0, f"lowerdir={{':'.join(found.lowers)}},upperdir=upper,workdir=work")
calls.mount("proc", "root/proc", "proc", 0)
os.mknod("root/dev/null", 0o20666, os.makedev(1, 3))
os.chroot("root")
os.chdir("/")
os.execv("/bin/sh", ["sh", "-euc", sys.argv[1]])
"""


def in_a_host_container(tmp_path: Path, script: str, *, store_on: str = "tmpfs") -> list[str]:
    work = tmp_path / "work"
    work.mkdir()
    code = MOUNTED.format(cwd=os.getcwd(), work=str(work))
    done = subprocess.run([sys.executable, "-c", code, script, store_on], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.host
@pytest.mark.slow
def test_programs_of_this_machine_run_in_it(tmp_path: Path) -> None:
    lines = in_a_host_container(
        tmp_path,
        "ls / | tr '\\n' ' '; echo; ls /usr | wc -l; echo a b | awk '{print $2}'; id -un; ls /etc/ssl/private /etc/shadow /root 2>/dev/null || true",
    )
    assert set(lines[0].split()) <= {"bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"}  # fmt: skip
    assert int(lines[1]) == len(os.listdir("/usr"))
    assert lines[2:4] == ["b", "root"]
    assert lines[4:] == ["/root:"]


@pytest.mark.host
@pytest.mark.slow
def test_writing_in_it_does_not_write_on_the_machine(tmp_path: Path) -> None:
    names = set(os.listdir("/usr/bin")), set(os.listdir("/etc"))
    lines = in_a_host_container(
        tmp_path,
        "echo x >/usr/bin/stackup-canary; echo x >/etc/stackup-canary; rm /usr/bin/env; cat /usr/bin/stackup-canary; ls /usr/bin/env || echo gone",
    )
    assert lines == ["x", "gone"]
    assert (set(os.listdir("/usr/bin")), set(os.listdir("/etc"))) == names


@pytest.mark.host
@pytest.mark.slow
def test_it_works_from_a_store_on_an_overlay_too(tmp_path: Path) -> None:
    lines = in_a_host_container(
        tmp_path, "ls -d /games /include /share 2>/dev/null || echo hidden; ls /usr/share | wc -l", store_on="overlay"
    )
    assert lines == ["hidden", str(len([name for name in os.listdir("/usr/share") if not name.startswith(".")]))]
