"""Device nodes by number."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.runtime import devices


def test_the_default_set_has_six_nodes_and_rules_for_them() -> None:
    found = {item["target"]: (item["major"], item["minor"]) for item in devices.default_devices()}
    assert found["/dev/null"] == (1, 3)
    assert set(found) == {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}
    assert "c 1:3 rwm" in devices.rules(devices.default_devices())
    assert devices.rules([], privileged=True) == ["a *:* rwm"]


def test_a_node_of_the_hosts_is_read_from_the_host() -> None:
    found = devices.device("/dev/zero", "/dev/nought")
    assert (found["target"], found["kind"], found["major"], found["minor"]) == ("/dev/nought", "c", 1, 5)


def test_what_is_no_device_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="is not a device"):
        devices.device(str(tmp_path))
    with pytest.raises(HostError, match="no device"):
        devices.device("/dev/no-such-thing")


def test_the_hosts_devices_leave_out_terminals_and_links(tmp_path: Path) -> None:
    (tmp_path / "pts").mkdir()
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "file").write_text("")
    found = {item["target"] for item in devices.host_devices(str(tmp_path))}
    assert found == {item["target"] for item in devices.default_devices()}
    assert not [name for name in (item["target"] for item in devices.host_devices()) if name.startswith("/dev/pts")]


@pytest.mark.host
def test_a_device_in_a_folder_keeps_its_place(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    (tmp_path / "net").mkdir()
    os.mknod(tmp_path / "net/tun", 0o020660, os.makedev(10, 200))
    found = {item["target"]: item for item in devices.host_devices(str(tmp_path))}
    assert (found["/dev/net/tun"]["major"], found["/dev/net/tun"]["minor"]) == (10, 200)
