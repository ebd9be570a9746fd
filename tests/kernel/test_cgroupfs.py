"""Groups with processes in them: listed, frozen, killed, removed."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator

import pytest

from stackup.kernel import cgroupfs, proc

pytestmark = pytest.mark.host


def homes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for mount in proc.mounts():
        if mount.fstype == "cgroup2":
            found["v2"] = [mount.place]
        elif mount.fstype == "cgroup" and "freezer" in mount.super_options:
            found["v1"] = [mount.place]
    return found


@pytest.fixture(params=["v1", "v2"])
def group(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    place = homes().get(request.param)
    if not place:
        pytest.skip(f"no {request.param} hierarchy with a freezer here")
    dirs = [os.path.join(place[0], f"stackup-test-{secrets.token_hex(4)}")]
    cgroupfs.make(dirs[0])
    yield dirs
    cgroupfs.kill(dirs)
    assert cgroupfs.remove(dirs) == []
    assert not os.path.exists(dirs[0])


def start(dirs: list[str], script: str = "sleep 1000") -> subprocess.Popen[bytes]:
    child = subprocess.Popen(["/bin/busybox", "sh", "-c", f"read line; {script}"], stdin=subprocess.PIPE)
    cgroupfs.join(dirs, child.pid)
    assert child.stdin is not None
    child.stdin.write(b"go\n")
    child.stdin.close()
    return child


def test_processes_are_listed_and_killed_with_their_children(group: list[str]) -> None:
    child = start(group, "while :; do sleep 1000 & sleep 1000; done")
    inner = cgroupfs.child(group, "exec-1")
    other = start(inner)
    assert {child.pid, other.pid} <= set(cgroupfs.procs(group))
    assert cgroupfs.procs(inner) == [other.pid] or len(cgroupfs.procs(inner)) == 2
    left = cgroupfs.kill(group, 0.5)
    assert set(left) <= {child.pid, other.pid}  # unreaped so far: they are ours to reap
    assert {child.wait(10), other.wait(10)} == {-9}
    assert cgroupfs.procs(group) == []


def test_killing_a_childs_group_leaves_the_rest(group: list[str]) -> None:
    child = start(group)
    other = start(cgroupfs.child(group, "probe"))
    cgroupfs.kill(cgroupfs.child(group, "probe"), 0.1)
    assert other.wait(10) == -9
    assert child.poll() is None
    cgroupfs.kill(group, 0.1)
    child.wait(10)


def test_frozen_processes_stand_still_and_die_when_killed(group: list[str]) -> None:
    child = start(group)
    assert cgroupfs.freeze(group)
    assert cgroupfs.frozen(group)
    cgroupfs.thaw(group)
    assert not cgroupfs.frozen(group)
    assert cgroupfs.freeze(group)
    cgroupfs.kill(group, 0.1)
    assert child.wait(10) == -9


def test_a_group_in_use_is_named_and_one_that_is_gone_is_fine(group: list[str]) -> None:
    child = start(group)
    assert cgroupfs.remove(group, 0.02) == group
    cgroupfs.kill(group, 0.1)
    child.wait(10)
    assert cgroupfs.remove([group[0] + "-never"]) == []
    assert cgroupfs.kill([]) == []
