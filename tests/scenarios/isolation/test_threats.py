"""Attacks, by their numbers in docs/security.md, tried for real against the whole command."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.isolation.conftest import SLEEP, Isolated

pytestmark = [pytest.mark.host, pytest.mark.slow]
SECRET = "s3cr3t-of-one"


def fails(isolated: Isolated, service: str, script: str) -> str:
    """What it said when it failed, as it must."""
    done = isolated.machine.typed("exec", "-T", service, "sh", "-c", script, cwd=isolated.folder, code=None)
    assert done.returncode != 0, f"{script}: {done.stdout}"
    return done.stderr


def test_t19_no_descriptor_of_the_callers_reaches_a_program(isolated: Isolated) -> None:
    isolated.stack("once: command: [ls, /proc/self/fd]", f"web: {SLEEP}")
    leaking = [os.open("/", os.O_RDONLY) for _ in range(50)] + [os.open("/etc/passwd", os.O_RDONLY) for _ in range(50)]
    for fd in leaking:
        os.set_inheritable(fd, True)
    try:
        told = [leaked_to(isolated, *words) for words in (["up", "-d", "--wait", "web"], ["up", "-d"], EXEC)]
    finally:
        for fd in leaking:
            os.close(fd)
    isolated("wait once")
    assert isolated("logs --no-log-prefix once").split() == told[-1].split() == ["0", "1", "2", "3"]  # 3 is the folder
    isolated("down -t 0")


EXEC = ("exec", "-T", "web", "ls", "/proc/self/fd")


def leaked_to(isolated: Isolated, *words: str) -> str:
    command = isolated.machine.command(words)
    done = subprocess.run(
        command, cwd=isolated.folder, env=isolated.machine.environment, check=True, close_fds=False, stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.decode()


def test_t20_the_interpreter_cannot_be_written_to(isolated: Isolated) -> None:
    """By the real root from outside, who has every power, and by a container that may look into any process."""
    isolated.stack(f"web: {SLEEP}, init: true, cap_add: [SYS_PTRACE, DAC_READ_SEARCH]")
    isolated("up -d")
    said = fails(isolated, "web", "exec 3<>/proc/1/exe")
    assert any(word in said for word in ("Read-only file system", "Text file busy", "Permission denied")), said
    ours = [pid for pid in os.listdir("/proc") if pid.isdigit() and comm(pid).startswith("stackup")]
    assert ours
    for pid in ours:
        with pytest.raises(OSError, match="Read-only file system|Text file busy"):
            os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY))
    isolated.stack("web: entrypoint: [/proc/self/exe, -V]")
    assert "cannot run" in isolated.told("up -d", code=1)
    isolated("down -t 0")


def comm(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def test_t30_t31_control_groups_are_out_of_reach(isolated: Isolated) -> None:
    isolated.stack(f"web: {SLEEP}", f"all: {SLEEP}, cgroup: host")
    isolated("up -d")
    for service in ("web", "all"):
        told = isolated.inside(
            "exec", "-T", service, "sh", "-c", "find /sys/fs/cgroup -writable 2>/dev/null -name cgroup.procs; true"
        )
        for path in told.split()[:3]:
            assert "Read-only file system" in fails(isolated, service, f"echo 0 > {path}")
        fails(isolated, service, "cd /sys/fs/cgroup && { cd memory || true; } 2>/dev/null && mkdir mine")
        fails(isolated, service, "mount -o remount,rw,bind /sys/fs/cgroup")
        fails(isolated, service, "mkdir /tmp/c; mount -t cgroup -o memory none /tmp/c || mount -t cgroup2 none /tmp/c")
        assert "not permitted" in fails(isolated, service, "unshare -UrmC true")
        assert "not permitted" in fails(isolated, service, "unshare -m true")
    groups = isolated.inside("exec", "-T", "web", "sh", "-c", "cut -d: -f3 /proc/1/cgroup | sort -u")
    assert "/stackup/" not in groups
    assert "iso" in isolated.inside("exec", "-T", "all", "cat", "/proc/1/cgroup")
    isolated("down -t 0")


def test_t34_capabilities_are_exact_wherever_a_program_starts(isolated: Isolated) -> None:
    probe = "healthcheck: {test: 'grep ^Cap /proc/self/status > /tmp/probe', interval: 1s}"
    isolated.stack(
        f"root: {SLEEP}, {probe}, cap_drop: [ALL], cap_add: [CHOWN]",
        f"user: {SLEEP}, {probe}, user: '1234', cap_drop: [ALL], cap_add: [CHOWN]",
    )
    isolated("up -d --wait")
    for service, held in (("root", "1"), ("user", "0")):
        for script in ("grep ^Cap /proc/1/status", "grep ^Cap /proc/self/status", "cat /tmp/probe"):
            told = isolated.inside("exec", "-T", service, "sh", "-c", script).split()
            found = {name.rstrip(":"): int(value, 16) for name, value in zip(told[::2], told[1::2], strict=True)}
            wanted = {"CapInh": 0, "CapPrm": int(held), "CapEff": int(held), "CapBnd": 1, "CapAmb": 0}
            assert found == wanted, (service, script)
    isolated("down -t 0")


@pytest.mark.parametrize("key", ["hostname", "domainname", "mac_address", "user"])
def test_t35_names_that_are_too_long_are_refused(isolated: Isolated, key: str) -> None:
    isolated.stack(f"web: {SLEEP}, {key}: {'a' * 70_000}")
    told = isolated.told("up -d", code=1)
    assert "error" in told
    assert "Traceback" not in told
    isolated.stack(f"web: {SLEEP}")
    isolated("down -t 0")


def test_t36_an_environment_is_its_services_own(isolated: Isolated) -> None:
    isolated.stack(
        f"one: {SLEEP}, environment: {{TOKEN: {SECRET}}}", f"two: {SLEEP}", f"host: {SLEEP}, pid: host, user: '1234'"
    )
    isolated("up -d")
    assert isolated.inside("exec", "-T", "one", "sh", "-c", "echo $TOKEN") == f"{SECRET}\n"
    for service in ("two", "host"):
        script = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c ^TOKEN= || true"
        assert isolated.inside("exec", "-T", service, "sh", "-c", script).strip() == "0", service
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if comm(pid).startswith("stackup"):
            assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
            assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    isolated("down -t 0")


def test_t37_nobody_on_the_hosts_network_reaches_our_sockets(isolated: Isolated) -> None:
    isolated.stack(f"web: {SLEEP}, network_mode: host")
    isolated("up -d")
    abstract = [
        line for line in isolated.inside("exec", "-T", "web", "cat", "/proc/net/unix").splitlines() if "@" in line
    ]
    assert not [line for line in abstract if "stackup" in line]
    paths = [path for path in Path(isolated.machine.run).rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
    assert paths
    for path in paths:
        assert not path.stat().st_mode & 0o077, path
        assert not path.parent.stat().st_mode & 0o077, path
        assert asked_as_a_user(path) == "PermissionError"
    isolated("down -t 0")


def asked_as_a_user(path: Path) -> str:
    """What becomes of another user who connects."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(path.parent)
            os.setgroups([])
            os.setresuid(1234, 1234, 1234)
            socket.socket(socket.AF_UNIX).connect(path.name)
            os.write(writing, b"connected")
        except OSError as problem:
            os.write(writing, type(problem).__name__.encode())
        finally:
            os._exit(0)
    os.close(writing)
    told = os.read(reading, 100).decode()
    os.close(reading)
    os.waitpid(child, 0)
    return told


def test_t8_without_root_the_first_error_says_so_and_nothing_is_made(isolated: Isolated, tmp_path: Path) -> None:
    """What a layer's devices and set-id bits would be then has no part in it: nothing is unpacked, nothing runs."""
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (home / "stack.yaml").write_text("services: {web: {build: {dockerfile_inline: FROM host}}}")
    words = ("--reuid=65534", "--regid=65534", "--clear-groups")
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")  # the interpreter may be root's own
    state = home / "state"
    for verb in (["up", "-d"], ["down"], ["build"], ["network", "create", "outer"]):
        done = subprocess.run(
            ["setpriv", *words, *reading, *isolated.machine.command(verb)], cwd=home, check=False, capture_output=True,
            env={**isolated.machine.environment, "STACKUP_ROOT": str(state), "STACKUP_RUN": str(home / "run")}, text=True,
        )  # fmt: skip
        assert done.returncode == 1
        assert "this process is not root: namespaces and mounts cannot be made" in done.stderr
        assert "run it as root (sudo)" in done.stderr
    assert [path for path in state.rglob("*") if path.name in ("network", "container")] == []
