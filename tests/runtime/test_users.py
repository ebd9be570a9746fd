"""A root whose container has users of its own: whoever owns what on the disk, inside it has the number that it has there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.errors import Unsupported
from stackup.kernel import userns
from stackup.runtime.idmaps import SIZE, swapped, within
from stackup.runtime.rootfs import HostFile, UserRange, operations
from tests.runtime.box import Box, mount, process

pytestmark = [pytest.mark.host, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

BASE = 0x70000000
LINES = [(0, BASE, SIZE)]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    pin = userns.made(LINES, LINES, lambda home: os.open(f"{home}/ns/user", os.O_RDONLY))
    return Box(tmp_path).change(users=UserRange(f"/proc/self/fd/{pin}", BASE))


def seen(box: Box, script: str, **changes: str) -> list[str]:
    assert box.plan.users is not None
    done = box.sh(script, users=box.plan.users.pin, **changes)
    assert done.report == {}, done.report
    return done.out.split()


def folder(path: Path, owner: int) -> Path:
    path.mkdir()
    (path / "f").write_text("x")
    for one in (path, path / "f"):
        os.chown(one, owner, owner)
    return path


def test_images_and_parts_of_folders_are_seen_with_the_disks_numbers(box: Box) -> None:
    lower, upper = folder(box.folder / "lower", 5), folder(box.folder / "upper-layer", 6)
    (upper / "f").rename(upper / "g")
    inner = folder(folder(box.folder / "bind", 0) / "inner", 7)
    box.change(
        images={"img": (str(upper), str(lower))},
        mounts={"/img": mount("image", "img"), "/part": mount("bind", inner.parent, subpath="inner")},
    )
    assert seen(box, "stat -c %u:%g /img/f /img/g /part /part/f") == ["5:5", "6:6", "7:7", "7:7"]


def test_a_bind_that_is_its_owners_is_roots_inside_and_stays_the_owners(box: Box) -> None:
    home = folder(box.folder / "home", 1000)
    (home / "of-root").write_text("r")
    (home / "far").write_text("f")
    os.chown(home / "far", SIZE + 5, SIZE + 5)
    box.change(mounts={"/home": mount("bind", home, owners="host")})
    told = seen(box, "stat -c %u /home/f /home/of-root /home/far; touch /home/new")
    assert told == ["0", "65534", "65534"]
    assert (home / "new").stat().st_uid == 1000


def test_a_map_of_owners_ends_with_the_containers_range() -> None:
    assert within([(1000, 0, 1), (1, 1, 999), (1001, 1001, 2**32 - 1002)], BASE) == [
        (1000, BASE, 1), (1, BASE + 1, 999), (1001, BASE + 1001, SIZE - 1001),
    ]  # fmt: skip
    assert within(swapped(10**6), BASE) == [(1, BASE + 1, SIZE - 1), (10**6, BASE, 1)]


def test_a_terminal_a_read_only_root_and_a_user_of_the_image(box: Box) -> None:
    assert box.plan.users is not None
    box.change(tty=True, read_only=True)
    script = "readlink /proc/self/fd/0; stat -c %u:%g /dev/console; touch /x 2>/dev/null || echo read-only"
    with box.start(process("sh", "-c", script, users=box.plan.users.pin, user="web")) as running:
        assert running.started() == {}
        told = os.read(running.tty, 4096).decode().split()
        while len(told) < 3:
            told += os.read(running.tty, 4096).decode().split()
    assert told == ["/dev/pts/0", "0:5", "read-only"]


def test_a_number_beyond_the_range_is_refused(box: Box) -> None:
    box.change(files={"/run/secrets/s": HostFile("/etc/hostname", SIZE, 0, 0o400)})
    with pytest.raises(Unsupported, match="65536 is no user or group of the container"):
        operations(box.plan)


def test_limits_are_set_while_that_is_possible(box: Box) -> None:
    assert seen(box, "ulimit -n; ulimit -Hn", rlimits={"nofile": [50, 60]}) == ["50", "60"]  # type: ignore[arg-type]
