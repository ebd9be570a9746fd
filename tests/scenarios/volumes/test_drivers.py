"""`driver_opts` that mount for real, drivers of other people, and what must never be deleted."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.volumes.conftest import Vol

pytestmark = [pytest.mark.host, pytest.mark.slow]

TWIN = '''
"""A driver that keeps its data beside a note of every call."""
import os, pathlib

class Twin:
    def check(self, options):
        return [(name, "only `home` is known") for name in options if name != "home"]
    def provide(self, volume):
        home = pathlib.Path(volume.options["home"], volume.name)
        home.mkdir(parents=True, exist_ok=True)
        return str(home)
    def provides(self, volume):
        return pathlib.Path(volume.options["home"], volume.name).is_dir()
    def remove(self, volume):
        os.rename(os.path.join(volume.options["home"], volume.name), os.path.join(volume.options["home"], "removed"))
'''


def test_a_bound_folder_must_survive_its_volume(vol: Vol) -> None:
    """It is on the same file system as the state, where devices do not tell a mount from a folder."""
    (vol.folder / "mine").mkdir()
    (vol.folder / "mine/precious").write_text("kept")
    vol.write(f"""
services: {{web: {vol.service('volumes: ["v:/v"]')}}}
volumes: {{v: {{driver_opts: {{type: none, o: bind, device: ./mine}}}}}}
""")
    before = vol.machine.inventory()
    vol("up -d")
    assert vol.sh("web", "cat /v/precious; echo more > /v/more") == "kept"
    assert "everything is as the file says" in vol.told("up -d"), "it is mounted, and seen to be"
    vol("down -v")
    assert (vol.folder / "mine/precious").read_text() == "kept"
    (vol.folder / "mine/more").unlink()
    vol.machine.must_be_as(before)


def test_what_somebody_mounted_in_a_volume_must_keep_it_from_being_deleted(vol: Vol) -> None:
    (vol.folder / "mine").mkdir()
    (vol.folder / "mine/precious").write_text("kept")
    vol.write(f"""
services: {{web: {vol.service('volumes: ["v:/v"]')}}}
volumes: {{v: {{}}}}
""")
    vol("up -d")
    inner = vol.data("vol_v") / "inner"
    inner.mkdir()
    subprocess.run(["mount", "--bind", vol.folder / "mine", inner], check=True)
    assert f'something is mounted at "{inner}"' in vol.told("down -v", code=1)
    assert (vol.folder / "mine/precious").read_text() == "kept"
    subprocess.run(["umount", inner], check=True)
    vol("down -v")
    assert (vol.folder / "mine/precious").read_text() == "kept"


def test_options_must_be_what_the_kernel_says(vol: Vol) -> None:
    (vol.folder / "mine").mkdir()
    vol.write(f"""
services: {{web: {vol.service('volumes: ["t:/t", "r:/r"]')}}}
volumes:
  t: {{driver_opts: {{type: tmpfs, o: "size=1m,uid=7,gid=8,mode=750,noexec"}}}}
  r: {{driver_opts: {{type: none, o: "bind,ro", device: ./mine}}}}
""")
    vol("up -d")
    assert vol.sh("web", "stat -c '%u %g %a' /t; df -k --output=size /t | tail -1").split() == ["7", "8", "750", "1024"]
    assert "Permission denied" in vol.sh("web", "cp /bin/true /t; /t/true 2>&1", code=126)
    assert "Read-only" in vol.sh("web", "touch /r/x 2>&1", code=1)
    subprocess.run(["umount", "-l", vol.data("vol_t")], check=True)
    assert "mounted" in vol("plan")
    vol("up -d")
    assert "everything is as the file says" in vol.told("up -d")
    vol("down -v")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("{type: none, o: bind, device: /no/such}", 'volume "v" mounts "/no/such", which does not exist'),
        ("{type: tmpfs, o: uid=9999999999}", "the kernel says"),
        ("{type: squashfs, device: /dev/null}", "cannot be mounted"),
        ("{type: nosuchfs, device: x}", 'this kernel has no file system "nosuchfs"'),
        ("{type: tmpfs, o: sise=1}", 'tmpfs has no option "sise"'),
    ],
)
def test_what_cannot_be_mounted_must_be_told_in_words(vol: Vol, options: str, text: str) -> None:
    vol.write(f"""
services: {{web: {vol.service('volumes: ["v:/v"]')}}}
volumes: {{v: {{driver_opts: {options}}}}}
""")
    before = vol.machine.inventory()
    assert text in vol.told("up -d", code=1)
    vol("down -v")
    vol.machine.must_be_as(before)


def test_a_driver_of_somebody_elses_must_come_by_entry_point(vol: Vol, tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "twin-1.0.dist-info").mkdir(parents=True)
    (package / "twin.py").write_text(TWIN)
    (package / "twin-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: twin\nVersion: 1.0\n")
    (package / "twin-1.0.dist-info/entry_points.txt").write_text("[stackup.volume_drivers]\ntwin = twin:Twin\n")
    text = f"""
services: {{web: {vol.service('volumes: ["v:/v"]')}}}
volumes: {{v: {{driver: twin, driver_opts: {{home: "{tmp_path}/home"}}}}}}
"""
    vol.write(text)
    assert 'asks for the driver "twin"' in vol.told("up -d", code=1)
    vol.machine.environment["PYTHONPATH"] += f":{package}"
    vol.write(text.replace("home:", "house:"))
    assert "only `home` is known" in vol.told("up -d", code=1)
    vol.write(text)
    vol("up -d")
    vol.sh("web", "echo written > /v/file")
    assert (tmp_path / "home/vol_v/file").read_text() == "written\n"
    assert "everything is as the file says" in vol.told("up -d")
    vol("down -v")
    assert (tmp_path / "home/removed/file").read_text() == "written\n"
    vol.write(text.replace(f"{tmp_path}/home", "/proc/nowhere"))
    assert 'the volume driver "twin" failed: ' in vol.told("up -d", code=1)


@pytest.mark.deadline(240)
@pytest.mark.parametrize("line", ["up -d", "down -v"])
def test_a_kill_at_any_step_must_leave_the_bound_folder_and_nothing_else(vol: Vol, line: str) -> None:
    (vol.folder / "mine").mkdir()
    (vol.folder / "mine/precious").write_text("kept")
    vol.write(f"""
services: {{web: {vol.service('network_mode: none, volumes: ["b:/b", "t:/t", "p:/p"]')}}}
volumes:
  b: {{driver_opts: {{type: none, o: bind, device: ./mine}}}}
  t: {{driver_opts: {{type: tmpfs, o: size=1m}}}}
  p: {{}}
""")
    before = vol.machine.inventory()
    for event in range(1, 100):
        if line != "up -d":
            vol("up -d")
        killed = vol.machine.killed_at(event, *line.split(), cwd=vol.folder)
        assert (vol.folder / "mine/precious").read_text() == "kept"
        vol("down -v")
        vol.machine.must_be_as(before)
        if not killed:
            break
    assert event > 5


def test_other_options_must_be_asked_for_before_data_goes(vol: Vol) -> None:
    text = f"""
services: {{web: {vol.service('volumes: ["v:/v"]')}}}
volumes: {{v: {{labels: {{a: b}}}}}}
"""
    vol.write(text)
    vol("up -d")
    ids = vol.ids()
    vol.sh("web", "echo data > /v/file")
    vol.write(text.replace("a: b", "a: c"))
    assert "in place" in vol("plan")
    vol("up -d")
    assert vol.ids() == ids, "a label is a note in the record"
    assert json.loads(vol("volume inspect vol_v"))[0]["Labels"]["a"] == "c"
    vol.write(text.replace("labels: {a: b}", "driver_opts: {type: tmpfs, o: size=1m}"))
    assert "recreate" in vol("plan")
    assert "its data would be lost" in vol.told("up -d", code=1)
    assert vol.sh("web", "cat /v/file") == "data"
    vol("up -d -y")
    assert vol.sh("web", "ls /v") == ""
