"""`image import`, `ls`, `inspect`, `rm` and `prune` must bring a small root in, run it, and take it out again."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.scenarios.machine import Machine

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: boxed
services:
  box: {image: "box:1", ports: ["8098:80"], stop_grace_period: 1s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed: apt-get install busybox-static")
    folder = tmp_path / "boxed"
    (folder / "root" / "bin").mkdir(parents=True)
    shutil.copy(busybox, folder / "root" / "bin" / "busybox")
    for name in ("sh", "httpd", "cat", "echo"):
        (folder / "root" / "bin" / name).symlink_to("busybox")
    (folder / "root" / "www").mkdir()
    (folder / "root" / "www" / "index.html").write_text("from the box")
    (folder / "stack.yaml").write_text(STACK)
    with tarfile.open(folder / "root.tar.gz", "w:gz") as archive:
        archive.add(folder / "root", ".")
    return folder


def test_an_image_must_come_in_run_and_go(machine: Machine, folder: Path) -> None:
    change = ("-c", 'CMD ["httpd", "-f", "-p", "80", "-h", "/www"]', "-c", "ENV COLOUR=green")
    identity = machine.stackup("image", "import", *change, "root.tar.gz", "box:1", cwd=folder).strip()
    assert identity.startswith("sha256:")
    assert machine.stackup("image", "import", *change, "root", "box:2", cwd=folder).startswith("sha256:")
    rows = map(json.loads, machine.stackup("image", "ls", "--format", "json", cwd=folder).splitlines())
    assert ("box", "1", identity.removeprefix("sha256:")[:12]) in [(r["Repository"], r["Tag"], r["ID"]) for r in rows]
    assert "COLOUR=green" in machine.stackup("image", "inspect", "box:1", cwd=folder)
    machine.stackup("up", "-d", cwd=folder)
    assert machine.page("http://127.0.0.1:8098/index.html") == "from the box"
    assert machine.stackup("exec", "-T", "box", "sh", "-c", "echo $COLOUR", cwd=folder) == "green\n"
    used = json.loads(machine.stackup("images", "--format", "json", cwd=folder))
    assert [(item["ContainerName"], item["Repository"], item["Tag"]) for item in used] == [("boxed-box-1", "box", "1")]
    assert "boxed-box-1" in machine.typed("image", "rm", "box:1", cwd=folder, code=1).stderr
    machine.stackup("down", "-v", cwd=folder)
    assert "Untagged: box:1" in machine.stackup("image", "rm", "box:1", cwd=folder)
    assert "pass -f" in machine.typed("image", "prune", cwd=folder, code=1).stderr
    machine.stackup("image", "prune", "-af", cwd=folder)
    assert machine.stackup("image", "ls", "-q", cwd=folder) == ""
    told = machine.typed("--offline", "up", "-d", cwd=folder, code=1).stderr
    assert "box:1" in told
    assert "image import" in told
