"""`userns_mode: auto`: root inside, nobody outside; and whatever a container may do with its own, it still may."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from stackup.runtime.idmaps import SIZE
from tests.scenarios.isolation.conftest import SLEEP, Isolated

pytestmark = [pytest.mark.host, pytest.mark.slow]

AUTO = f"userns_mode: auto, {SLEEP}"


def sh(isolated: Isolated, service: str, script: str, *words: str, code: int | None = 0) -> str:
    words = ("exec", "-T", *words, service, "sh", "-c", script)
    return isolated.machine.typed(*words, cwd=isolated.folder, code=code).stdout


def fails(isolated: Isolated, service: str, script: str) -> bool:
    typed = isolated.machine.typed("exec", "-T", service, "sh", "-c", script, cwd=isolated.folder, code=None)
    return typed.returncode not in (0, 126, 127)


def first(isolated: Isolated, service: str) -> Path:
    """Of its first process, what this machine knows."""
    row = json.loads(isolated(f"ps --format json {service}"))
    status = isolated.folder.parent / "state/stacks/iso/container" / f"{row['Service']}-1" / "status.json"
    return Path("/proc") / str(json.loads(status.read_text())["init"]["pid"])


def base(process: Path) -> int:
    inner, outer, count = (process / "uid_map").read_text().split()
    assert (inner, count) == ("0", str(SIZE))
    assert (process / "gid_map").read_text().split() == [inner, outer, count]
    return int(outer)


def field(process: Path, name: str) -> list[str]:
    lines = (process / "status").read_text().splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(f"{name}:"))


def owned(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.lstat().st_uid, path.lstat().st_gid) for path in folder.iterdir()}


@pytest.mark.deadline(120)
def test_who_is_root_inside_is_an_unprivileged_user_outside(isolated: Isolated) -> None:
    isolated.stack(f"web: {AUTO}", f"web2: {AUTO}, user: '33:34'", f"plain: {SLEEP}")
    before = isolated.machine.inventory()
    isolated("up -d")
    web, web2, plain = (first(isolated, name) for name in ("web", "web2", "plain"))
    starts = base(web), base(web2)
    assert abs(starts[0] - starts[1]) >= SIZE, "no two containers share a user"
    assert field(web, "Uid") == [str(starts[0])] * 4
    assert field(web2, "Uid") == [str(starts[1] + 33)] * 4
    assert field(web2, "Gid") == [str(starts[1] + 34)] * 4
    assert sh(isolated, "web", "id -u; id -g; cat /proc/1/status | grep ^Uid").split()[:2] == ["0", "0"]
    assert (plain / "uid_map").read_text() == Path("/proc/self/uid_map").read_text()
    assert os.readlink(web / "ns/user") not in (os.readlink(web2 / "ns/user"), os.readlink(plain / "ns/user"))
    isolated("restart web")
    assert base(first(isolated, "web")) == starts[0], "a restart keeps the range"
    isolated("down")
    isolated.machine.must_be_as(before)


def test_files_in_volumes_and_binds_must_have_the_numbers_that_the_container_knows(isolated: Isolated) -> None:
    bind = isolated.folder / "bind"
    bind.mkdir()
    (bind / "of-33").write_text("x")
    os.chown(bind / "of-33", 33, 34)
    (isolated.folder / "secret").write_text("s")
    isolated.stack(
        f"web: {AUTO}, volumes: ['data:/srv/data', './bind:/srv/bind', 'filled:/etc/alternatives'], tmpfs: [/srv/t],"
        " secrets: [{source: s, uid: '33', gid: '34', mode: 0400}]",
        f"plain: {SLEEP}, volumes: ['data:/srv/data']",
        more="volumes: {data: {}, filled: {}}\nsecrets: {s: {file: ./secret}}",
    )
    isolated("up -d")
    script = (
        "touch /srv/data/r /srv/bind/r /srv/t/r /r; touch /srv/data/u; chown 33:34 /srv/data/u; chmod 4755 /srv/data/u"
    )
    sh(isolated, "web", script)
    assert sh(isolated, "web", "cat /srv/bind/of-33 /run/secrets/s", "-u", "33:34") == "xs"
    assert fails(isolated, "plain", "test $(stat -c %u /srv/data/u) = 0")
    assert sh(isolated, "plain", "stat -c %u:%g /srv/data/r /srv/data/u").split() == ["0:0", "33:34"]
    assert owned(bind) == {"of-33": (33, 34), "r": (0, 0)}
    volume = Path(isolated.machine.state) / "stacks/iso/volume/filled/data"
    found = owned(volume)
    assert set(found.values()) == {(0, 0)}, "what the image had there came along, and is root's"
    inside = sh(
        isolated, "web", "stat -c '%n %u:%g %a' /run/secrets/s /srv/t/r /etc/hosts /dev/shm /dev/null /dev"
    ).splitlines()
    assert inside == ["/run/secrets/s 33:34 400", "/srv/t/r 0:0 644", "/etc/hosts 0:0 644", "/dev/shm 0:0 1777",
                      "/dev/null 0:0 666", "/dev 0:0 755"]  # fmt: skip
    upper = Path(isolated.machine.state) / "stacks/iso/container/web-1/upper"
    assert owned(upper)["r"] == (0, 0), "its layer has the container's own numbers, so that commit and export do"
    isolated("down -v")


def test_whoever_breaks_out_of_one_must_be_a_stranger_to_the_other(isolated: Isolated) -> None:
    """As if the walls of namespaces and mounts were gone: processes with a container's users on the open machine."""
    isolated.stack(f"web: {AUTO}, volumes: ['mine:/mine']", f"db: {AUTO}", more="volumes: {mine: {}}")
    isolated("up -d")
    web, db = first(isolated, "web"), first(isolated, "db")
    assert sh(isolated, "web", "touch /mine/f; chmod 600 /mine/f") == ""
    volume = Path(isolated.machine.state) / "stacks/iso/volume/mine/data/f"
    attempts = {
        "read the host's shadow file": lambda: Path("/etc/shadow").read_bytes(),
        "write to the host's folder": lambda: Path("/etc/stackup-test").touch(),
        "read the other's volume": volume.read_bytes,
        "signal the other's process": lambda: os.kill(int(web.name), 0),
        "look into the other's environment": (web / "environ").read_bytes,
        "enter the other's root": lambda: os.listdir(web / "root"),
        "freeze the other": lambda: os.open("/sys/fs/cgroup", os.O_WRONLY | os.O_TMPFILE),
    }
    succeeded = _as_user(base(db), attempts)
    assert succeeded == []
    isolated("down -v")


def _as_user(uid: int, attempts: dict[str, object]) -> list[str]:
    """Those that work for this user, who has no power at all beyond being it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        found = []
        for name, attempt in attempts.items():
            try:
                attempt()  # type: ignore[operator]
            except OSError:
                continue
            found.append(name)
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        text = told.read()
    os.waitpid(pid, 0)
    return list(json.loads(text))


def test_powers_must_be_over_the_containers_own_and_nothing_else(isolated: Isolated) -> None:
    isolated.stack(
        f"strong: {AUTO}, cap_add: [ALL], sysctls: {{net.ipv4.ping_group_range: '0 1000', kernel.msgmax: 4321}}",
        f"web: {AUTO}, cap_add: [SYS_ADMIN, NET_ADMIN], security_opt: ['seccomp=unconfined'], tty: true",
    )
    isolated("up -d")
    assert sh(isolated, "strong", "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ping_group_range").split() == [
        "4321",
        "0",
        "1000",
    ]
    assert sh(isolated, "web", "mount -t tmpfs x /mnt && hostname other && hostname") == "other\n"
    assert os.uname().nodename != "other"
    for name, script in {
        "take a mask off": "umount /proc/keys || umount -l /sys/firmware",
        "make a mask's mount writable": "mount -o remount,rw,bind /proc/sys",
        "write to the kernel's switches": "echo 1 > /proc/sys/kernel/msgmax",
        "write to the machine": "echo b > /proc/sysrq-trigger",
        "make a device": "mknod /mnt/d b 8 0",
        "mount a disk": "mount -t ext4 /dev/null /mnt",
        "mount control groups": "mount -t cgroup -o memory c /mnt",
        "see the kernel's processes anew": "mount -t proc p /mnt",
        "set the clock": "date -s @0",
    }.items():
        assert fails(isolated, "web", script), name
    assert "/dev/pts/" in sh(isolated, "web", "readlink /proc/1/fd/0"), "a terminal has its name"
    isolated("down")


def test_a_container_must_be_reached_as_ever(isolated: Isolated) -> None:
    """Ports, names, health, hooks, copies in and out, an archive, standard streams."""
    isolated.stack(
        "web: userns_mode: auto, command: [python3, -m, http.server, '80'], user: '33', working_dir: /srv, stop_grace_period: 0s,"
        " ports: ['127.0.0.1:8093:80'], healthcheck: {test: 'test $(id -u) = 33 && test -e /etc/hostname', interval: 200ms},"
        " post_start: [{command: [sh, -c, 'id -u > /srv/who && touch /srv/hooked'], user: root}]",
        f"db: {AUTO}",
    )
    isolated("up -d --wait")
    assert isolated.machine.page("http://127.0.0.1:8093/who") == "0\n"
    assert sh(isolated, "db", "getent hosts web").split()[1:] == ["web"]
    (isolated.folder / "in").write_text("in")
    os.chown(isolated.folder / "in", 1000, 1000)
    isolated("cp in web:/srv/in")
    isolated("cp -a in web:/srv/in-as-it-is")
    assert sh(isolated, "web", "stat -c %u:%g /srv/in /srv/in-as-it-is /srv/hooked").split() == [
        "0:0",
        "1000:1000",
        "0:0",
    ]
    isolated("cp -a web:/srv/in-as-it-is out")
    assert owned(isolated.folder)["out"] == (1000, 1000)
    with tarfile.open(fileobj=io.BytesIO(isolated("cp web:/srv/. -").encode("latin-1"))) as archive:
        assert [archive.getmember(name).uid for name in ("in", "in-as-it-is")] == [0, 1000]
    isolated("stop web")
    isolated("cp in web:/srv/late")
    isolated("start web")
    assert sh(isolated, "web", "stat -c %u:%g /srv/late").split() == ["0:0"]
    isolated("down")


def test_containers_that_share_namespaces_are_told_where_their_powers_end(isolated: Isolated) -> None:
    isolated.stack(
        f"web: {AUTO}",
        f"beside: {AUTO}, network_mode: 'service:web', ipc: 'service:web', pid: 'service:web'",
        f"host: {AUTO}, network_mode: host, pid: host, ipc: host, uts: host",
        f"plain: {SLEEP}, network_mode: 'service:web'",
    )
    told = isolated.told("up -d")
    assert told.count("its root has no powers over it") == 2
    web, beside = first(isolated, "web"), first(isolated, "beside")
    for kind in ("net", "ipc"):
        assert os.readlink(web / "ns" / kind) == os.readlink(beside / "ns" / kind)
    assert os.readlink(web / "ns/user") != os.readlink(beside / "ns/user")
    assert sh(isolated, "beside", "ls /proc/1 > /dev/null && echo seen") == "seen\n"
    assert fails(isolated, "beside", "kill -9 1"), "the other's processes are other people's"
    assert fails(isolated, "host", "kill -9 1")
    isolated("down")


def test_what_cannot_be_had_is_refused(isolated: Isolated) -> None:
    for words, why in {
        "userns_mode: keep-id": "neither host nor auto",
        "userns_mode: 'auto:uidmapping=0:1:2'": "there is size=",
        "userns_mode: 'auto:size=100000'": "up to 65536",
        "userns_mode: auto, privileged: true": "the host's powers",
    }.items():
        isolated.stack(f"web: {SLEEP}, {words}")
        told = isolated.told("up -d", code=1)
        assert "error[SU120]" in told, words
        assert why in told, words
