"""The tools that are compared, each with its state in a folder of its own and its daemon, if it has one, started here.

A tool is opened as a context: what it starts is ended by pid when it is closed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.stacks import IMAGE

CGROUP_PARENT = "engine-bench"


@dataclass(frozen=True)
class Tool:
    """How to call it, and which processes are its own."""

    name: str
    version: str
    command: tuple[str, ...]
    image: str = IMAGE
    environment: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()

    def owns(self, argv: list[str]) -> bool:
        """Is a process with these arguments part of the engine?"""
        return any(word in part for part in argv[:5] for word in self.words)

    def run(self, file: Path, *arguments: str) -> float:
        """Seconds that `arguments` took; a failure ends the run with what was said."""
        command = [*self.command, "-f", str(file), *arguments]
        return call(command, self.environment)


def call(command: Sequence[str], environment: Mapping[str, str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return seconds


def first_line(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return ""


@contextmanager
def stackup(folder: Path, image: Path, command: tuple[str, ...]) -> Iterator[Tool]:
    environment = {"STACKUP_ROOT": str(folder / "state"), "STACKUP_RUN": str(folder / "run")}
    call([*command, "image", "import", str(image), IMAGE], environment)
    version = first_line([*command, "version"])
    yield Tool("stackup", version, command, environment=environment, words=("stackup",))


@contextmanager
def compose(folder: Path, image: Path, command: tuple[str, ...]) -> Iterator[Tool]:
    """docker compose on a dockerd of our own. It writes iptables rules, which stay in this network namespace."""
    socket = f"unix://{folder}/docker.sock"
    pid_file = folder / "docker.pid"
    daemon_command = [
        *("dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--host", socket),
        *("--pidfile", str(pid_file), "--storage-driver", "overlay2", "--cgroup-parent", CGROUP_PARENT),
        *("--config-file", _empty_config(folder)),
    ]
    _hide_keys()
    with (folder / "dockerd.log").open("w") as log:
        daemon = subprocess.Popen(daemon_command, stdout=log, stderr=log)
    environment = {"DOCKER_HOST": socket}
    try:
        _await_docker(daemon, environment, folder / "dockerd.log")
        call(["docker", "import", str(image), IMAGE], environment)
        words = ("dockerd", "containerd", "docker-proxy")
        version = f"{first_line([*command, 'version'])}, {first_line(['dockerd', '--version'])}"
        yield Tool("compose-v2", version, command, environment=environment, words=words)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(timeout=60)


def _hide_keys() -> None:
    """dockerd writes a key into /etc/docker; ours does so in a tmpfs that only this mount namespace sees."""
    Path("/etc/docker").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/etc/docker"], check=True)


def _empty_config(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "daemon.json"
    file.write_text("{}\n")
    return str(file)


def _await_docker(daemon: subprocess.Popen[bytes], environment: Mapping[str, str], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and daemon.poll() is None:
        with suppress(SystemExit):
            call(["docker", "version"], environment)
            return
        time.sleep(0.2)
    raise SystemExit(f"error: dockerd does not answer\n{log.read_text()[-2000:]}")


def remove_cgroups() -> None:
    """The peers' own top groups, which they leave behind."""
    for controller in Path("/sys/fs/cgroup").iterdir():
        for top in (controller / name for name in (CGROUP_PARENT, "libpod_parent")):
            if top.is_dir():
                for folder in [*sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True), top]:
                    with suppress(OSError):
                        folder.rmdir()


@contextmanager
def podman_compose(folder: Path, image: Path, command: tuple[str, ...]) -> Iterator[Tool]:
    """podman-compose with crun. crun 1.8 refuses a hybrid cgroup tree: version 2 is hidden in this mount namespace."""
    folder.mkdir(parents=True, exist_ok=True)
    hide = "mount -t tmpfs tmpfs /run; ! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified"
    subprocess.run(["sh", "-c", hide], check=True)
    podman = folder / "podman"
    options = (
        f"--root {folder}/root --runroot {folder}/runroot --tmpdir {folder}/tmp --network-config-dir {folder}/networks "
        "--cgroup-manager cgroupfs --runtime crun --events-backend file"
    )
    podman.write_text(f'#!/bin/sh\nexec podman {options} "$@"\n')
    podman.chmod(0o755)
    configuration = folder / "containers.conf"
    configuration.write_text(
        '[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = []\n[network]\nnetwork_backend = "netavark"\n'
    )
    environment = {"CONTAINERS_CONF": str(configuration)}
    name = f"localhost/{IMAGE}:latest"
    call([str(podman), "import", str(image), name], environment)
    version = f"{first_line(['podman', '--version'])}, {first_line(['crun', '--version'])}"
    full = (*command, "--podman-path", str(podman))
    yield Tool("podman-compose", version, full, name, environment, ("conmon", "aardvark-dns", "podman"))


def stackup_command(given: str | None) -> tuple[str, ...]:
    """The console script beside this interpreter, if there is one: that is what users start."""
    if given:
        return (given,)
    script = Path(sys.executable).with_name("stackup")
    return (str(script),) if script.exists() else (sys.executable, "-m", "stackup")


def compose_command(given: str | None) -> tuple[str, ...] | None:
    """docker compose 2, as a program or as docker's plugin; the Python one of version 1 is a different tool."""
    candidates = [(given,)] if given else [("docker-compose",), ("docker", "compose")]
    if not shutil.which("dockerd"):
        return None
    return next((words for words in candidates if "version" in first_line([*words, "version"])), None)


def podman_compose_command(given: str | None) -> tuple[str, ...] | None:
    program = given or shutil.which("podman-compose")
    return (program,) if program and shutil.which("podman") else None


OPEN = {"stackup": stackup, "compose-v2": compose, "podman-compose": podman_compose}
