"""One probe, two runtimes: what a program sees of its container is what was asked for, under ours and under crun.

The second run is there for the suite's own sake: an expectation that a runtime of everybody's does not meet is wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stackup.kernel import userns
from stackup.runtime.rootfs import UserRange
from tests.runtime.box import Box

pytestmark = [pytest.mark.host, pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

PROBE = r"""
say() { echo "$1=$2"; }
say hostname "$(hostname)"; say cwd "$(pwd)"; say uid "$(id -u)"; say gid "$(id -g)"; say groups "$(id -G)"
say umask "$(umask)"; say env "$WORD"; say pid $$; say args "$*"
for key in CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs; do
    say $key "$(grep "^$key:" /proc/self/status | tr -d '\t' | cut -d: -f2)"
done
say nofile "$(ulimit -n)"; say hardfiles "$(ulimit -Hn)"; say score "$(cat /proc/self/oom_score_adj)"
for name in pid net ipc uts mnt; do say ns_$name "$(readlink /proc/self/ns/$name)"; done
for place in /proc /sys /dev /dev/pts /dev/shm /dev/mqueue; do
    say "mount_$place" "$(grep " $place " /proc/mounts | tail -n 1 | cut -d' ' -f3)"
done
for place in /proc/sys /proc/irq /proc/bus /sys; do touch $place/x 2>/dev/null; say "ro_$place" "$(grep -c " $place [a-z0-9]* ro" /proc/mounts)"; done
for place in /proc/kcore /proc/keys /proc/timer_list; do say "size_$place" "$(cat $place 2>/dev/null | head -c 10 | wc -c)"; done
for node in null zero full random urandom tty; do say "dev_$node" "$(stat -c '%t:%T:%a' /dev/$node)"; done
for link in fd stdin stdout stderr; do say "link_$link" "$(readlink /dev/$link)"; done
say shm "$(grep ' /dev/shm ' /proc/mounts | grep -o 'size=[0-9]*k')"
say links "$(ls /sys/class/net | tr '\n' ' ')"; say ptmx "$(readlink /dev/ptmx)"
say sysctl "$(cat /proc/sys/kernel/msgmax)"; say users "$(tr -s ' ' ' ' < /proc/self/uid_map)"
for place in /dev /dev/shm; do say "own_$place" "$(stat -c %u:%g $place)"; done
"""
CAPABILITIES = ("CHOWN", "NET_BIND_SERVICE", "KILL")
MASK = "0000000000000421"
WISH: dict[str, Any] = {"env": {"PATH": "/bin", "WORD": "a b"}, "cwd": "/tmp", "capabilities": list(CAPABILITIES)}
FILES = [50, 60]
PLAIN = {
    "hostname": "box", "cwd": "/tmp", "umask": "0022", "env": "a b", "pid": "1", "args": "one two", "nofile": "50",
    "hardfiles": "60", "score": "77", "CapBnd": MASK, "CapInh": "0" * 16, "CapAmb": "0" * 16, "mount_/proc": "proc",
    "mount_/sys": "sysfs", "mount_/dev": "tmpfs", "mount_/dev/pts": "devpts", "mount_/dev/shm": "tmpfs",
    "mount_/dev/mqueue": "mqueue", "size_/proc/kcore": "0", "size_/proc/keys": "0", "size_/proc/timer_list": "0",
    "link_fd": "/proc/self/fd", "link_stdin": "/proc/self/fd/0", "link_stdout": "/proc/self/fd/1",
    "link_stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx", "shm": "size=65536k", "links": "lo", "sysctl": "4321",
    "dev_null": "1:3:666", "dev_zero": "1:5:666", "dev_full": "1:7:666", "dev_random": "1:8:666",
    "dev_urandom": "1:9:666", "dev_tty": "5:0:666", "ro_/proc/sys": "1", "ro_/proc/irq": "1", "ro_/proc/bus": "1",
    "ro_/sys": "1", "own_/dev": "0:0", "own_/dev/shm": "0:0",
}  # fmt: skip
HOSTS_USERS = "0 0 4294967295"
OWN_USERS = "0 1879048192 65536"
ROOT = {"uid": "0", "gid": "0", "CapPrm": MASK, "CapEff": MASK}
USER = {"uid": "33", "gid": "34", "CapPrm": "0" * 16, "CapEff": "0" * 16}

Runtime = Callable[[Path, "tuple[int, int]", bool, str], str]


def ours(folder: Path, user: tuple[int, int], no_new_privs: bool, users: str) -> str:
    box = Box(folder).change(sysctls={"kernel.msgmax": "4321"})
    _programs(box)
    own = {}
    if users != HOSTS_USERS:
        lines = [tuple(map(int, users.split()))]
        pin = userns.made(lines, lines, lambda home: os.open(f"{home}/ns/user", os.O_RDONLY))
        own = {"users": f"/proc/self/fd/{pin}"}
        box.change(users=UserRange(own["users"], lines[0][1]))
    wish = WISH | {"user": f"{user[0]}:{user[1]}", "groups": ["50"], "no_new_privs": no_new_privs, "oom_score_adj": 77}
    seen = box.run("sh", "-c", PROBE, "probe", "one", "two", rlimits={"nofile": FILES}, **wish, **own)
    assert seen.report == {}
    return seen.out


def _programs(box: Box) -> None:
    for name in ("tail", "cut", "wc"):
        (box.image / "bin" / name).symlink_to("busybox")


def crun(folder: Path, user: tuple[int, int], no_new_privs: bool, users: str) -> str:
    """In a mount namespace without version 2 of control groups beside version 1, which it refuses; it joins none."""
    if shutil.which("crun") is None:
        pytest.skip("no crun here: apt-get install crun")
    box = Box(folder)
    _programs(box)
    subprocess.run(["crun", "spec"], cwd=folder, check=True)
    config = json.loads((folder / "config.json").read_text())
    names = [f"CAP_{name}" for name in CAPABILITIES]
    held = names if user[0] == 0 else []
    config["process"] |= {
        "terminal": False, "user": {"uid": user[0], "gid": user[1], "additionalGids": [50]}, "cwd": WISH["cwd"],
        "args": ["sh", "-c", PROBE, "probe", "one", "two"], "env": [f"{k}={v}" for k, v in WISH["env"].items()],
        "noNewPrivileges": no_new_privs, "oomScoreAdj": 77,
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": FILES[0], "hard": FILES[1]}],
        "capabilities": {"bounding": names, "effective": held, "permitted": held, "inheritable": [], "ambient": []},
    }  # fmt: skip
    config["root"] = {"path": str(box.image)}
    config["hostname"] = "box"
    config["mounts"] = [one for one in config["mounts"] if one["type"] != "cgroup"]
    config["linux"]["sysctl"] = {"kernel.msgmax": "4321"}
    del config["linux"]["resources"]
    if users != HOSTS_USERS:
        mapping = [dict(zip(("containerID", "hostID", "size"), map(int, users.split()), strict=True))]
        config["linux"] |= {"uidMappings": mapping, "gidMappings": mapping}
        config["linux"]["namespaces"].append({"type": "user"})
    (folder / "config.json").write_text(json.dumps(config))
    run = f"crun --root {folder}/crun --cgroup-manager disabled run probe-{os.getpid()}"
    script = f"umount /sys/fs/cgroup/unified 2>/dev/null; exec {run}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        check=False,
        cwd=folder,
        input="",  # a pipe: crun gives the program's streams to its user, and /dev/null is the whole machine's
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder() -> Iterator[Path]:
    """Everybody may look into it: under crun the container's users have to."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.mark.parametrize("users", [HOSTS_USERS, OWN_USERS])
@pytest.mark.parametrize("no_new_privs", [False, True])
@pytest.mark.parametrize(("user", "expected"), [((0, 0), ROOT), ((33, 34), USER)])
@pytest.mark.parametrize("runtime", [ours, crun])
def test_a_program_sees_what_was_asked_for(
    folder: Path, runtime: Runtime, user: tuple[int, int], expected: dict[str, str], no_new_privs: bool, users: str
) -> None:
    told = dict(line.partition("=")[::2] for line in runtime(folder, user, no_new_privs, users).splitlines())
    told = {key: value.strip() for key, value in told.items()}
    for name in ("pid", "net", "ipc", "uts", "mnt"):
        assert told.pop(f"ns_{name}") != os.readlink(f"/proc/self/ns/{name}")
    assert set(told.pop("groups").split()) == {expected["gid"], "50"}
    assert told == PLAIN | expected | {"NoNewPrivs": str(int(no_new_privs)), "users": users}
