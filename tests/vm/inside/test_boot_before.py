"""The first half of a reboot: systemd is told of the unit, and stacks run whose policies differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vm.inside.whole import Whole, shell

STACK = """
name: boot
services:
  web:
    image: host
    restart: unless-stopped
    command: [sh, -c, "date >> /data/starts; trap 'sleep 1; echo web >> /data/ends; exit 0' TERM; sleep 6000 & wait"]
    volumes: ["data:/data"]
    depends_on: [db]
    mem_limit: 64m
  db:
    image: host
    restart: always
    command: [sh, -c, "trap 'echo db >> /data/ends; exit 0' TERM; sleep 6000 & wait"]
    volumes: ["data:/data"]
  off: {image: host, init: true, restart: unless-stopped, command: [sleep, "6000"]}
  once: {image: host, init: true, command: [sleep, "6000"]}
volumes: {data: {}}
"""


@pytest.mark.stays
def test_stacks_run_when_the_machine_goes_down(whole: Whole) -> None:
    whole.write(STACK)
    whole.stackup("up", "-d")
    whole.stackup("stop", "-t", "1", "off")
    unit = whole.stackup("resume", "--unit")
    unit = unit.replace("[Service]", f"[Service]\nEnvironment=PYTHONPATH={whole.environment['PYTHONPATH']}")
    Path("/etc/systemd/system/stackup.service").write_text(unit)
    shell("systemctl daemon-reload && systemctl enable --now stackup.service")
    assert shell("systemctl is-active stackup.service") == "active"
    (whole.folder / "ids").write_text(whole.stackup("ps", "-a", "-q"))
    (whole.folder / "boot").write_text(Path("/proc/sys/kernel/random/boot_id").read_text())
