"""The disk of the virtual machine: Debian with its stock kernel, systemd, AppArmor and what the tests need.

Built once and kept under the user's cache folder, named by what it is made of: a changed recipe is another disk.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUEST = Path(__file__).with_name("guest")
SUITE = "bookworm"
PACKAGES = (
    "linux-image-cloud-amd64",
    *("systemd-sysv", "udev", "dbus", "kmod", "apparmor"),
    *("python3", "python3-venv", "ca-certificates"),
    *("busybox-static", "crun", "git", "iproute2", "nftables", "procps"),
)
ASLEEP = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer")
NOT_INSIDE = ("mypy", "ruff", "rust-just", "types-")
WHEELS = ("--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--platform=manylinux_2_28_x86_64",
          "--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64")  # fmt: skip
"""Fetched by the pip of this side, which knows mirrors and certificates; made for the Python of the other side."""
HOOKS = (
    'chroot "$1" python3 -m venv /venv',
    'cp -r {wheels} "$1/tmp/wheels"',
    'chroot "$1" sh -c "/venv/bin/pip install -q --no-index --no-deps /tmp/wheels/*"',
    'install -m 755 {guest}/run-job "$1/usr/local/sbin/run-job"',
    'install -m 644 {guest}/job.service "$1/etc/systemd/system/job.service"',
    'chroot "$1" systemctl enable -q job.service',
    f'chroot "$1" systemctl mask -q {" ".join(ASLEEP)}',
    'echo machine > "$1/etc/hostname"',
    'echo "127.0.0.1 localhost machine" > "$1/etc/hosts"',
)
DISK_SIZE = "8G"
NEEDED = ("qemu-system-x86_64", "mmdebstrap", "mke2fs")


@dataclass(frozen=True)
class Base:
    """One built disk with the kernel and the first file system that start it."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"


def base() -> Base:
    """The disk that fits this checkout, built when it is not there: a minute or two, and a network."""
    absent = [program for program in NEEDED if shutil.which(program) is None]
    if absent:
        sys.exit(f"missing: {', '.join(absent)}. apt-get install qemu-system-x86 mmdebstrap e2fsprogs")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "stackup", "vm")
    found = Base(home / _key())
    if not found.folder.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as aside:
            _build(Base(Path(aside, "base")), Path(aside, "root"))
            if not found.folder.exists():  # somebody else's may be done by now
                Path(aside, "base").rename(found.folder)
    return found


def _key() -> str:
    files = [file.read_text() for file in sorted(GUEST.iterdir())]
    recipe = [SUITE, PACKAGES, HOOKS, DISK_SIZE, _requirements(), files]
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]


def _requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tested = [word for word in project["optional-dependencies"]["dev"] if not word.startswith(NOT_INSIDE)]
    return [*project["dependencies"], *tested]


def _build(new: Base, root: Path) -> None:
    if os.geteuid() != 0:
        sys.exit("building the machine's disk needs root: its files have owners")
    new.folder.mkdir()
    print(f"building the machine's disk in {new.folder.parents[1]}", file=sys.stderr)
    wheels = root.with_name("wheels")
    _run(sys.executable, "-m", "pip", "download", "-qq", *WHEELS, "-d", str(wheels), *_requirements())
    places = {"guest": shlex.quote(str(GUEST)), "wheels": shlex.quote(str(wheels))}
    hooks = [f"--customize-hook={hook.format(**places)}" for hook in HOOKS]
    _run(
        "mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(PACKAGES)}",
        *hooks, SUITE, str(root),
    )  # fmt: skip
    for name, place in (("vmlinuz", new.kernel), ("initrd.img", new.initrd)):
        shutil.copy(next((root / "boot").glob(f"{name}-*")), place)
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(new.disk), DISK_SIZE)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed with exit code {done.returncode}")
