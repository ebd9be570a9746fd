"""What systemd is asked for, to the byte, by a bus of ours; and for real where systemd runs the machine (`just vm`)."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.kernel import cgroupfs, dbus
from stackup.runtime.cgroups import groups, limits, scope
from tests.kernel.test_dbus import answer, bus
from tests.runtime.cgroups.test_limits import told, wanted


@pytest.mark.parametrize(
    ("parent", "expected"),
    [
        ("", "system.slice/stackup-shop.scope"),
        ("team.slice", "team.slice/stackup-shop:team.scope"),
        ("a-b.slice", "a.slice/a-b.slice/stackup-shop:a-b.scope"),
    ],
)
def test_a_scope_lies_where_systemd_puts_it(parent: str, expected: str) -> None:
    assert scope.path("shop", parent) == expected


@pytest.mark.parametrize("parent", ["/team/a", "team", "-.slice", "a--b.slice"])
def test_a_parent_that_is_no_slice_is_refused(parent: str) -> None:
    with pytest.raises(HostError, match="is no slice"):
        scope.path("shop", parent)


def test_systemd_is_asked_for_a_delegated_scope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And asked again while the scope before it has its name."""
    monkeypatch.setattr(scope, "_SOCKETS", ((str(tmp_path / "none"), True), (str(tmp_path / "s"), False)))
    arguments = scope.request("system.slice/stackup-shop.scope", 4711)
    with bus(tmp_path / "s", [answer(1, error=scope._EXISTS, text="not yet"), answer(2)]) as peer:
        connection = scope._connect()
        scope._ask(connection, arguments)
        connection.close()
    where = (*scope._MANAGER, "StartTransientUnit")
    assert peer.read == dbus.call(1, where, *arguments) + dbus.call(2, where, *arguments)
    body = dbus.pack(*arguments)
    assert body.startswith(dbus.pack("ss", ("stackup-shop.scope", "fail")))
    for name, value in (("Slice", ("s", "system.slice")), ("Delegate", ("b", True)), ("PIDs", ("au", [4711]))):
        key = dbus.pack("s", (name,))
        assert key in body
        kind = dbus.pack("g", (value[0],))
        assert body[body.index(key) + len(key) :].startswith(kind)
    assert body.endswith(bytes(4))


def test_a_refusal_of_systemds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "_SOCKETS", ((str(tmp_path / "s"), False),))
    refusal = answer(1, error="org.freedesktop.DBus.Error.AccessDenied", text="Access denied")
    with bus(tmp_path / "s", [refusal]):
        connection = scope._connect()
        with pytest.raises(HostError, match="StartTransientUnit: Access denied"):
            scope._ask(connection, scope.request("system.slice/stackup-shop.scope", 1))
        connection.close()


@pytest.mark.host
def test_systemd_delegates_a_scope_that_takes_limits_and_goes_with_its_last_process() -> None:
    if not scope.available():
        pytest.skip("systemd does not run this machine")
    if groups.detect().version == 1:
        pytest.skip("scopes are for control groups of version 2")
    found, stack = groups.detect(), f"test{secrets.token_hex(4)}"
    assert found.managed
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    try:
        dirs = found.create(stack, "web-1")
        assert told(limits.apply(dirs, wanted(memory=64 << 20, pids=9), fresh=True)) == []
        cgroupfs.join(dirs, pid)
        assert pid in cgroupfs.procs(dirs)
        assert f"/system.slice/stackup-{stack}.scope/web-1" in Path(f"/proc/{pid}/cgroup").read_text()
    finally:
        os.close(writing)
        os.waitpid(pid, 0)
        cgroupfs.kill(found.directories(stack, ""))
