"""`devices`, `device_cgroup_rules`, `gpus`: what a container may open is what its file says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.scenarios.isolation.conftest import SLEEP, Isolated

pytestmark = [pytest.mark.host, pytest.mark.slow]


def may(isolated: Isolated, service: str, script: str) -> bool:
    done = isolated.machine.typed("exec", "-T", service, "sh", "-c", script, cwd=isolated.folder, code=None)
    return done.returncode == 0


def node(path: Path, major: int, minor: int) -> str:
    path.parent.mkdir(exist_ok=True)
    os.mknod(path, 0o020666, os.makedev(major, minor))
    return str(path)


def test_permissions_of_a_device_must_hold(isolated: Isolated) -> None:
    zero = node(isolated.folder / "dev" / "nought", 1, 5)
    node(isolated.folder / "dev" / "full", 1, 7)
    isolated.stack(
        f"all: {SLEEP}, devices: ['{zero}:/dev/nought']",
        f"read: {SLEEP}, devices: ['/dev/loop-control:/dev/loop-control:r', '{zero}:/dev/nought:r']",
        f"folder: {SLEEP}, devices: ['{isolated.folder}/dev:/dev/set']",
        f"none: {SLEEP}",
    )
    isolated("up -d")
    assert may(isolated, "all", "head -c 1 /dev/nought && echo > /dev/nought")
    assert may(isolated, "read", "head -c 0 /dev/loop-control")
    assert not may(isolated, "read", "echo > /dev/loop-control")
    assert may(isolated, "folder", "head -c 1 /dev/set/nought /dev/set/full")
    assert not may(isolated, "none", "test -e /dev/nought -o -e /dev/loop-control")
    assert not may(isolated, "none", "mknod /tmp/n c 10 237 && head -c 0 /tmp/n")
    assert not may(isolated, "none", "mknod /dev/n c 10 237 && head -c 0 /dev/n")
    isolated("down -t 0")


def test_rules_must_let_a_container_make_its_own_nodes(isolated: Isolated) -> None:
    isolated.stack(
        f"web: {SLEEP}, device_cgroup_rules: ['c 10:237 r']", f"other: {SLEEP}, device_cgroup_rules: ['c 9:9 rwm']"
    )
    isolated("up -d")
    assert may(isolated, "web", "mknod /dev/mine c 10 237 && head -c 0 /dev/mine")
    assert not may(isolated, "web", "echo > /dev/mine")
    assert not may(isolated, "other", "mknod /dev/mine c 10 237 && head -c 0 /dev/mine")
    assert not may(isolated, "web", "mknod /tmp/mine c 10 237 && head -c 0 /tmp/mine")
    isolated("down -t 0")


def test_what_is_not_there_must_be_named(isolated: Isolated) -> None:
    isolated.stack(f"web: {SLEEP}, devices: ['/dev/no-such-thing']")
    assert 'no device "/dev/no-such-thing"' in isolated.told("up -d", code=1)
    isolated.stack(f"web: {SLEEP}, gpus: all")
    told = isolated.told("up -d", code=1)
    assert 'no "nvidia.com/gpu" on this machine' in told
    assert "/etc/cdi" in told
    isolated.stack(f"web: {SLEEP}, devices: ['acme.com/light=red']")
    assert 'no CDI device "acme.com/light=red"' in isolated.told("up -d", code=1)
    isolated.stack(f"web: {SLEEP}, device_cgroup_rules: ['c 1:3']")
    assert "stack.yaml:3:" in isolated.told("up -d", code=1)
    isolated("down -t 0")


CARDS = """
cdiVersion: "0.7.0"
kind: nvidia.com/gpu
containerEdits:
  env: [DRIVER=made-up]
  mounts: [{hostPath: %(folder)s/library, containerPath: /opt/library, options: [ro, nosuid, nodev, bind]}]
  hooks: [{hookName: createContainer, path: /usr/bin/nvidia-cdi-hook, args: [x]}]
devices:
- name: "0"
  containerEdits: {deviceNodes: [{path: /dev/card0, hostPath: %(zero)s}], additionalGids: [4242]}
- name: "1"
  containerEdits: {deviceNodes: [{path: /dev/card1, hostPath: %(zero)s, permissions: r, fileMode: 420}]}
- name: all
  containerEdits: {deviceNodes: [{path: /dev/card0, hostPath: %(zero)s}, {path: /dev/card1, hostPath: %(zero)s}]}
"""


def test_devices_by_name_must_bring_what_their_vendor_says(isolated: Isolated) -> None:
    """The files are made up; the folder is this machine's own /run."""
    zero = node(isolated.folder / "dev" / "nought", 1, 5)
    (isolated.folder / "library").mkdir()
    (isolated.folder / "library" / "file").write_text("vendor\n")
    Path("/run/cdi").mkdir()
    Path("/run/cdi/cards.yaml").write_text(CARDS % {"folder": isolated.folder, "zero": zero})
    light = {
        "name": "red",
        "containerEdits": {"env": ["LIGHT=red"], "deviceNodes": [{"path": "/dev/light", "hostPath": zero}]},
    }
    Path("/run/cdi/light.json").write_text(
        json.dumps({"cdiVersion": "0.6.0", "kind": "acme.com/light", "devices": [light]})
    )
    reserved = "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], device_ids: ['1']}]}}}"
    isolated.stack(
        f"all: {SLEEP}, gpus: all",
        f"one: {SLEEP}, gpus: [{{count: 1}}]",
        f"second: {SLEEP}, {reserved}",
        f"light: {SLEEP}, devices: [acme.com/light=red]",
        f"cdi: {SLEEP}, gpus: [{{driver: cdi, device_ids: [acme.com/light=red]}}]",
    )
    told = isolated.told("--progress plain up -d")
    assert 'the hook "/usr/bin/nvidia-cdi-hook" is not run' in told
    assert may(isolated, "all", "head -c 1 /dev/card0 /dev/card1")
    assert may(isolated, "one", "head -c 1 /dev/card0 && test ! -e /dev/card1 && id -G | grep -w 4242")
    assert may(isolated, "one", "test $DRIVER = made-up && grep vendor /opt/library/file && ! touch /opt/library/x")
    assert may(
        isolated, "second", "head -c 1 /dev/card1 && test ! -e /dev/card0 && test $(stat -c %a /dev/card1) = 644"
    )
    assert may(isolated, "light", "test $LIGHT = red && head -c 1 /dev/light")
    assert may(isolated, "cdi", "head -c 1 /dev/light")
    assert "start" not in isolated("plan")
    isolated.stack(f"many: {SLEEP}, gpus: [{{count: 3}}]")
    assert 'only 2 "nvidia.com/gpu"' in isolated.told("up -d --remove-orphans", code=1)
    isolated("down -t 0")
