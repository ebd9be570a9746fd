"""A shop of real servers must take orders, keep them when its database is killed, and be mended by `up`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.machine import ROOT, Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
URL = "http://127.0.0.1:8090"


@pytest.fixture(scope="session")
def rootfs() -> str:
    """Made once a machine, since Debian's packages have to be unpacked; kept in the user's cache folder."""
    if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
        pytest.skip("needs root and mmdebstrap")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "stackup-tests")
    script = ROOT / "examples/shop/make-rootfs.sh"
    done = subprocess.run([str(script), str(cache)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.deadline(240)
@pytest.mark.timeout(400)
def test_orders_must_survive_the_death_of_the_database(machine: Machine, rootfs: str) -> None:
    folder = machine.example("shop")
    machine.stackup("image", "import", rootfs, "shop-base", timeout=120)
    before = machine.inventory()
    machine.stackup("up", "-d", "--wait", cwd=folder, timeout=120)
    machine.page(f"{URL}/", b"item=tea&quantity=3")
    machine.page(f"{URL}/", b"item=cake&quantity=2")
    machine.stackup("kill", "db", cwd=folder)
    machine.stackup("plan", "--detailed-exitcode", cwd=folder, code=2)
    machine.stackup("up", "-d", "--wait", cwd=folder, timeout=120)
    told = json.loads(machine.page(f"{URL}/orders"))
    assert [(order["item"], order["quantity"]) for order in told["orders"]] == [("tea", 3), ("cake", 2)]
    assert told["items"] == 5
    assert {json.loads(machine.page(f"{URL}/orders"))["by"] for _ in range(20)} != {told["by"]}, (
        "one replica serves all"
    )
    machine.stackup("down", "-v", cwd=folder)
    machine.must_be_as(before)
