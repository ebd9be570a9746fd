"""`commit`, `export` and `cp` must take files out of containers and put files in, running or not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.scenarios.machine import Machine
from tests.scenarios.verbs.test_images import folder as folder  # a fixture

pytestmark = [pytest.mark.host, pytest.mark.slow]
STACK = """
name: boxed
services:
  box:
    image: "box:1"
    command: [sh, -c, 'echo made >/www/made; rm /www/old; echo kept >/data/kept; while :; do sleep 1000; done']
    volumes: [data:/data]
    stop_grace_period: 0s
  host: {image: host, command: [sh, -c, "echo x >/tmp/x"]}
volumes: {data: {}}
"""


def typed(machine: Machine, line: str, folder: Path, **rest: int) -> str:
    return machine.typed(*line.split(), cwd=folder, **rest).stdout


def binary(machine: Machine, line: str, folder: Path, given: bytes = b"") -> bytes:
    done = subprocess.run(
        machine.command(line.split()), cwd=folder, env=machine.environment, input=given, capture_output=True, check=True
    )
    return done.stdout


def begin(machine: Machine, folder: Path) -> None:
    (folder / "root/www/old").write_text("old")
    (folder / "root/bin/rm").symlink_to("busybox")
    (folder / "root/bin/sleep").symlink_to("busybox")
    (folder / "root/bin/ls").symlink_to("busybox")
    (folder / "root/bin/test").symlink_to("busybox")
    (folder / "stack.yaml").write_text(STACK)
    typed(machine, "image import root box:1", folder)
    typed(machine, "up -d box", folder)


def test_files_must_come_out_and_go_in_of_a_running_and_of_a_stopped_container(machine: Machine, folder: Path) -> None:
    begin(machine, folder)
    (folder / "in/deep").mkdir(parents=True)
    (folder / "in/deep/file").write_text("from outside")
    mounts = ""
    for state in ("running", "stopped"):
        typed(machine, f"cp in box:/{state}", folder)
        typed(machine, f"cp in/. box:/data/{state}", folder)
        typed(machine, f"cp box:/{state} out-{state}", folder)
        assert (folder / f"out-{state}/deep/file").read_text() == "from outside"
        typed(machine, f"cp box:/data/kept kept-{state}", folder)
        assert (folder / f"kept-{state}").read_text() == "kept\n", "a volume is entered"
        with tarfile.open(fileobj=io.BytesIO(binary(machine, "cp box:/www -", folder))) as archive:
            assert "www/made" in archive.getnames()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(folder / "in/deep/file", "streamed")
        binary(machine, "cp - box:/data", folder, packed.getvalue())
        assert binary(machine, "cp box:/data/streamed -", folder)
        assert state == "running" or Path("/proc/self/mountinfo").read_text() == mounts
        typed(machine, "stop box", folder)
        mounts = Path("/proc/self/mountinfo").read_text()
    assert machine.stackup("start", "box", cwd=folder) == ""
    listing = machine.stackup("exec", "-T", "box", "ls", "/running/deep", "/stopped/deep", "/data/stopped", cwd=folder)
    assert listing.count("file") == 2
    assert "deep" in listing
    told = machine.typed("cp", "in/deep/file", "box:/etc/hosts", cwd=folder, code=1).stderr
    assert told.startswith('error: "hosts" is a mount and cannot be replaced\n')
    assert "localhost" in machine.stackup("exec", "-T", "box", "cat", "/etc/hosts", cwd=folder)
    told = machine.typed("cp", "box:/nope", ".", cwd=folder, code=1).stderr
    assert told == 'error: there is no "box:/nope"\n'
    typed(machine, "down -v", folder)


def test_an_export_must_be_the_whole_root_and_nothing_mounted_in_it(machine: Machine, folder: Path) -> None:
    begin(machine, folder)
    for _ in ("running", "stopped"):
        with tarfile.open(fileobj=io.BytesIO(binary(machine, "export box", folder))) as archive:
            names = archive.getnames()
        assert "www/made" in names
        assert "www/old" not in names
        assert "bin/busybox" in names
        assert not [name for name in names if name.startswith(("proc/", "data/", "sys/", "dev/"))]
        typed(machine, "stop box", folder)
    typed(machine, "export box -o out.tar", folder)
    assert typed(machine, "image import out.tar again:1", folder).startswith("sha256:")


def test_a_commit_must_be_an_image_that_runs_with_what_was_changed(machine: Machine, folder: Path) -> None:
    begin(machine, folder)
    made = machine.stackup(
        "commit", "box", "made:1", "-a", "me", "-m", "why", "-c", 'CMD ["cat", "/www/made"]', cwd=folder
    ).strip()
    assert machine.stackup("exec", "-T", "box", "echo", "thawed", cwd=folder) == "thawed\n"
    image = json.loads(typed(machine, "image inspect made:1", folder))[0]
    assert (image["Id"], image["Author"], image["Comment"]) == (made, "me", "why")
    assert len(image["RootFS"]["Layers"]) == 2
    steps = [
        json.loads(line)
        for line in typed(machine, "image history made:1 --no-trunc --format json", folder).splitlines()
    ]
    assert [step["Comment"] for step in steps] == ["why", ""]
    (folder / "made").mkdir()
    (folder / "made/stack.yaml").write_text(
        'services: {one: {image: "made:1", command: [sh, -c, "cat /www/made; ls /www"]}}'
    )
    ran = machine.stackup("run", "--rm", "one", cwd=folder / "made")
    assert ran.split() == ["made", "index.html", "made"]
    assert typed(machine, "image fsck --deep", folder) == "the image store is sound\n"
    assert machine.typed("commit", "host", "x", cwd=folder, code=1).stderr.startswith('error: service "host" has no')
    typed(machine, "up -d host", folder)
    assert (
        "stackup export host | stackup image import" in machine.typed("commit", "host", "x", cwd=folder, code=1).stderr
    )


def test_t29_a_container_that_swaps_its_folders_for_links_must_not_reach_the_host(
    machine: Machine, folder: Path
) -> None:
    """Its /trap is a folder and a link to the host's secret by turns, as fast as it can."""
    begin(machine, folder)
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret").write_text("of the host")
    swap = f"mkdir -p /real; echo mine >/real/secret; while :; do ln -sfn /real /trap; ln -sfn {outside} /trap; done"
    for name in ("ln", "mkdir"):
        os.symlink("busybox", folder / "root/bin" / name)
    typed(machine, "image import root box:1", folder)
    text = STACK.replace("while :; do sleep 1000; done", swap)
    (folder / "stack.yaml").write_text(text)
    typed(machine, "up -d box", folder)
    (folder / "mine").write_text("new")
    for _ in range(5):
        machine.typed("cp", "mine", "box:/trap/planted", cwd=folder, code=None)
        done = machine.typed("cp", "-L", "box:/trap/secret", "got", cwd=folder, code=None)
        if done.returncode == 0:
            assert (folder / "got").read_text() == "mine\n"
    assert sorted(os.listdir(outside)) == ["secret"]
