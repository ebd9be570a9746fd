"""The second half: what systemd brought back."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.vm.inside.whole import Whole, shell

HOME = Path("/srv/stacks/test_stacks_run_when_the_machine_goes_down")


@pytest.fixture
def booted() -> Whole:
    deadline = time.monotonic() + 60
    while shell("systemctl is-active stackup.service || true") == "activating" and time.monotonic() < deadline:
        time.sleep(0.5)
    return Whole(HOME)


def states(whole: Whole) -> dict[str, str]:
    lines = whole.stackup("ps", "-a", "--format", "json").splitlines()
    return {row["Service"]: row["State"] for row in map(json.loads, lines)}


def test_what_the_policies_say_runs_again(booted: Whole) -> None:
    assert (HOME / "boot").read_text() != Path("/proc/sys/kernel/random/boot_id").read_text()
    assert shell("systemctl is-active stackup.service") == "active"
    assert states(booted) == {"web": "running", "db": "running", "off": "exited", "once": "exited"}
    assert sorted(booted.stackup("ps", "-a", "-q").split()) == sorted((HOME / "ids").read_text().split())
    kept = booted.stackup("exec", "-T", "web", "sh", "-c", "wc -l < /data/starts; cat /data/ends").split()
    assert kept == ["2", "web", "db"], "dependents end first, and each has its time"
    journal = shell("journalctl -u stackup.service --no-pager -o cat")
    assert "Traceback" not in journal


def test_the_unit_stops_and_starts_them_in_order(booted: Whole) -> None:
    shell("systemctl stop stackup.service")
    assert states(booted) == {"web": "exited", "db": "exited", "off": "exited", "once": "exited"}
    shell("systemctl start stackup.service")
    assert states(booted) == {"web": "running", "db": "running", "off": "exited", "once": "exited"}


def test_nothing_is_left(booted: Whole) -> None:
    booted.stackup("down", "-v", "-t", "1")
    assert "stackup" not in shell("cat /proc/self/mountinfo; nft list ruleset; ip -br link")
    assert shell("find /sys/fs/cgroup -type d -path '*stackup/*'") == ""
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == "0\n"
    shell("systemctl disable stackup.service && rm /etc/systemd/system/stackup.service")
