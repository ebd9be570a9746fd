"""`stackup volume ...`: volumes that outlive stacks, who uses them, what they take, and their files as an archive."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.scenarios.volumes.conftest import Vol

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_a_volume_made_by_hand_must_outlive_stacks(vol: Vol) -> None:
    vol.write(f"""
services: {{web: {vol.service('volumes: ["wide:/wide", /anon]')}}}
volumes: {{wide: {{external: true, name: wide}}}}
""")
    before = vol.machine.inventory()
    assert 'the external volume "wide" does not exist' in vol.told("up -d", code=1)
    assert vol("volume create --label a=b wide") == "wide\n"
    assert vol("volume create wide") == "wide\n", "what is there as it should be is fine, as it is for docker"
    assert "already exists with other options" in vol.told("volume create -o type=tmpfs wide", code=1)
    vol("up -d")
    vol.sh("web", "echo kept > /wide/file")
    assert (vol.data("wide") / "file").read_text() == "kept\n"
    told = json.loads(vol("volume inspect wide"))[0]
    assert {
        "Driver": "local",
        "Labels": {"a": "b"},
        "Name": "wide",
        "Options": None,
        "Scope": "local",
    }.items() <= told.items()
    assert list(told["Containers"].values()) == ["vol-web-1"]
    assert "in use by vol-web-1" in vol.told("volume rm wide", code=1)
    vol("stop")
    assert "in use by vol-web-1" in vol.told("volume rm -f wide", code=1), "one that is stopped uses it too"
    assert vol("volume ls -q -f dangling=true") == ""
    vol("down")
    anonymous = [name for name in vol("volume ls -q").split() if name != "wide"]
    assert len(anonymous) == 1
    assert "Total reclaimed space: " in vol("volume prune -f")
    assert vol("volume ls -q").split() == ["wide"], "anonymous ones go, one with a name stays"
    assert vol("volume prune -a -f --filter label!=a").splitlines() == ["Total reclaimed space: 0B"]
    vol("up -d")
    assert vol.sh("web", "cat /wide/file") == "kept"
    vol("down -v")
    assert vol("volume prune -a -f").splitlines()[:2] == ["Deleted Volumes:", "wide"]
    vol.machine.must_be_as(before)


def test_files_must_go_out_and_come_back_as_they_were(vol: Vol) -> None:
    vol("volume create one")
    home = vol.data("one")
    (home / "deep").mkdir()
    (home / "deep/file").write_text("text")
    os.link(home / "deep/file", home / "second")
    (home / "link").symlink_to("/etc/shadow")
    os.chown(home / "deep/file", 70, 71)
    os.setxattr(home / "deep/file", "user.note", b"kept")
    os.chown(home, 999, 998)
    home.chmod(0o2750)
    assert int(vol("volume du --json one").partition('"size": ')[2].split("\n")[0]) >= 4096
    vol(f"volume export -o {vol.folder}/one.tar one")
    subprocess.run(["gzip", vol.folder / "one.tar"], check=True)
    vol("volume create two")
    vol(f"volume import two {vol.folder}/one.tar.gz")
    copy = vol.data("two")
    found = copy.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (999, 998, 0o2750)
    found = (copy / "deep/file").stat()
    assert (found.st_uid, found.st_gid, found.st_nlink) == (70, 71, 2)
    assert os.getxattr(copy / "second", "user.note") == b"kept"
    assert os.readlink(copy / "link") == "/etc/shadow"
    assert not list(Path(vol.machine.state).rglob("*.new"))


def test_an_archive_must_not_lead_out_of_the_volume(vol: Vol) -> None:
    vol("volume create one")
    victim = vol.folder / "victim"
    victim.mkdir()
    with tarfile.open(vol.folder / "bad.tar", "w") as archive:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(victim)
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("out/file"))
    assert vol.told(f"volume import one {vol.folder}/bad.tar", code=1)
    assert list(victim.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("volume create ../x", "cannot be the name of a volume"),
        ("volume create -d rexray xx", 'asks for the driver "rexray"'),
        ("volume create -o type=tmpfs -o o=sise=1 xx", 'no option "sise"'),
        ("volume create -o size=5 xx", "no option of the local driver"),
        ("volume rm xx", "no such volume"),
        ("volume inspect xx", "no such volume"),
        ("volume ls -f bogus=1", "invalid filter"),
        ("volume ls -f dangling=maybe", "invalid filter"),
        ("volume import xx /no/such", "/no/such"),
        ("volume prune", "nobody is there to agree"),
    ],
)
def test_what_is_wrong_must_be_said(vol: Vol, line: str, text: str) -> None:
    assert text in vol.told(line, code=1)
