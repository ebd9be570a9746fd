"""One start of the virtual machine: a job goes in as an archive on a second disk, its output and exit code come out.

What the machine writes to its disk is thrown away. Without KVM the processor is emulated, ten to twenty-five times
slower; then the machine's clock counts instructions, so that a time-out means the same work as on a real one, and
sleeping takes no time.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.vm.base import ROOT, Base

MEMORY_MIB = 3072
PROCESSORS = 1
BOOT = (
    "root=/dev/vda", "rw", "console=ttyS0", "quiet", "panic=-1", "net.ifnames=0", "mitigations=off",
    "systemd.show_status=0", "systemd.unified_cgroup_hierarchy=1", "apparmor=1", "psi=1",
)  # fmt: skip
ACCELERATED = ("-accel", "kvm", "-cpu", "host")
EMULATED = ("-accel", "tcg,tb-size=512", "-cpu", "Nehalem", "-icount", "shift=1,sleep=off")


def run(base: Base, stages: Sequence[str], deadline_s: float) -> int:
    """The exit code of the first stage that failed; 124 when the machine had to be ended."""
    with tempfile.TemporaryDirectory(prefix="stackup-vm-") as name:
        folder = Path(name)
        _pack(folder / "job", stages)
        machine = subprocess.Popen(_command(base, folder), stdin=subprocess.DEVNULL)
        try:
            machine.wait(deadline_s)
        except subprocess.TimeoutExpired:
            print(f"the machine did not end within {deadline_s:.0f} s", file=sys.stderr)
            _show(folder / "console")
            return 124
        finally:
            machine.kill()
            machine.wait()
        return _result(folder)


def _result(folder: Path) -> int:
    told = (folder / "result").read_text(errors="replace").split()
    if not told:
        print("the machine ended without a result", file=sys.stderr)
        _show(folder / "console")
    return int(told[0]) if told else 1


def _show(console: Path) -> None:
    text = console.read_text(errors="replace") if console.exists() else ""
    print("\n".join(text.splitlines()[-40:]), file=sys.stderr)


def _pack(target: Path, stages: Sequence[str]) -> None:
    """The checkout as it is, with what is not committed; and each stage, a script."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    with tarfile.open(target, "w") as archive:
        for number, stage in enumerate(stages, 1):
            text = stage.encode()
            entry = tarfile.TarInfo(f"stages/{number}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        for name in filter(None, listed.split("\0")):
            if os.path.lexists(ROOT / name):
                archive.add(ROOT / name, f"checkout/{name}", filter=_roots)


def _roots(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _command(base: Base, folder: Path) -> list[str]:
    disks = ((base.disk, "on"), (folder / "job", "on"))
    drives = [f"file={path},format=raw,if=virtio,snapshot={snapshot}" for path, snapshot in disks]
    return [
        "qemu-system-x86_64", *(ACCELERATED if accelerated() else EMULATED),
        "-m", str(MEMORY_MIB), "-smp", str(PROCESSORS), "-display", "none", "-nic", "none", "-no-user-config",
        "-device", "virtio-rng-pci", "-kernel", str(base.kernel), "-initrd", str(base.initrd),
        "-append", " ".join(BOOT), *(word for drive in drives for word in ("-drive", drive)),
        "-serial", f"file:{folder / 'console'}", "-serial", "stdio", "-serial", f"file:{folder / 'result'}",
    ]  # fmt: skip


def accelerated() -> bool:
    """A device alone says little: inside some machines it takes guests of their own making only."""
    flags = Path("/proc/cpuinfo").read_text()
    return os.access("/dev/kvm", os.R_OK | os.W_OK) and any(f" {flag} " in flags for flag in ("vmx", "svm"))
