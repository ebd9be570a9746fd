"""A machine that lacks something: `doctor` names it with its remedy, and so does the command that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.vm.inside.whole import Whole, shell

STACK = """
name: less
services:
  web: {image: host, init: true, command: [sleep, "600"], network_mode: none}
"""
REFUSED = Path("/etc/modprobe.d/refused.conf")


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Taken out of the kernel, and refused to come back when somebody needs them."""
    REFUSED.write_text("".join(f"install {name} /bin/false\n" for name in modules))
    try:
        for name in modules:
            shell(f"! grep -q '^{name} ' /proc/modules || rmmod {name}")
        yield
    finally:
        REFUSED.unlink()


def test_the_stock_machine_has_everything(whole: Whole) -> None:
    found = whole.found()
    assert {subject: row for subject, row in found.items() if row[0] != "ok"} == {}
    assert found["cgroups"][1] == "version 2"
    assert found["apparmor"][1].startswith("profiles are applied")
    assert found["devices"][1] == "permissions are held by a program of version 2"


def test_no_overlayfs(whole: Whole) -> None:
    whole.write(STACK)
    with without("overlay"):
        assert whole.found()["overlayfs"] == ("error", "the kernel has no overlayfs", "load it: modprobe overlay")
        told = whole.told("up", "-d", code=1)
        assert "overlay" in told
        assert "modprobe overlay" in told
    whole.stackup("up", "-d")


def test_no_user_namespaces(whole: Whole) -> None:
    setting = Path("/proc/sys/user/max_user_namespaces")
    allowed = setting.read_text()
    setting.write_text("0")
    try:
        level, text, hint = whole.found()["user namespaces"]
        assert (level, hint) == ("warning", "allow more: sysctl user.max_user_namespaces=10000")
        assert "no space left" in text
        whole.write(STACK)
        whole.stackup("up", "-d")
        shell(f"mkdir -p {whole.folder}/mine && chown 1000:1000 {whole.folder}/mine")
        bind = "volumes: [{type: bind, source: ./mine, target: /m, x-stackup: {uid: host}}]"
        whole.write(STACK.replace("network_mode: none", f"network_mode: none, {bind}"))
        told = whole.told("up", "-d", code=1)
        assert "raise user.max_*_namespaces" in told
    finally:
        setting.write_text(allowed)
    whole.stackup("up", "-d")


def test_no_namespaces_for_networks(whole: Whole) -> None:
    setting = Path("/proc/sys/user/max_net_namespaces")
    allowed = setting.read_text()
    setting.write_text("0")
    try:
        assert whole.found()["namespaces"][::2] == ("error", "allow more: sysctl user.max_net_namespaces=10000")
        whole.write(STACK)
        assert "raise user.max_*_namespaces" in whole.told("up", "-d", code=1)
    finally:
        setting.write_text(allowed)


def test_no_kinds_of_links(whole: Whole) -> None:
    with without("ipvlan", "macvlan"):
        found = whole.found()
        assert found["ipvlan"][2] == "load it: modprobe ipvlan"
        assert found["macvlan"][2] == "load it: modprobe macvlan"
    with without("veth"):
        assert whole.found()["links"] == (
            "error", "no veth: containers have no networks", "load it: modprobe -a veth",
        )  # fmt: skip


def test_no_fuse_and_no_tun(whole: Whole) -> None:
    shell("mv /dev/fuse /dev/fuse.away")
    try:
        assert whole.found()["/dev/fuse"][2] == "load it: modprobe fuse"
        whole.write(STACK.replace("network_mode: none", "network_mode: none, devices: [/dev/fuse]"))
        told = whole.told("up", "-d", code=1)
        assert "/dev/fuse" in told
    finally:
        shell("mv /dev/fuse.away /dev/fuse")


def test_a_controller_that_is_not_handed_down(whole: Whole) -> None:
    """As in a container, or a service, that was delegated less than everything."""
    command = (
        "mkdir -p /sys/fs/cgroup/less/in && echo -cpuset > /sys/fs/cgroup/less/cgroup.subtree_control; "
        "echo +memory +pids +cpu > /sys/fs/cgroup/less/cgroup.subtree_control && "
        "echo $$ > /sys/fs/cgroup/less/in/cgroup.procs && "
        "exec unshare -C -m sh -c 'umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\"' - "
    )
    told = shell(command + " ".join(whole.command(["doctor"])) + " || true")
    shell("rmdir /sys/fs/cgroup/less/in /sys/fs/cgroup/less")
    assert "version 2 without cpuset: no `cpuset`" in told
    assert "+cpuset" in told
