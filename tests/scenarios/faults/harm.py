"""The real command in a forked child in which one call that changes something goes wrong: a kill, or a refusal.

Forked from a process that has loaded everything, a command costs its own work and no interpreter's start, so that every
single call of every verb can be tried.
"""

from __future__ import annotations

import fcntl
import importlib
import io
import os
import re
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackup.cli.main import run
from stackup.kernel import calls
from tests.images.faults import Fault, killed, refused
from tests.scenarios.machine import Machine

KERNEL = (
    "mount", "umount2", "unshare", "setns", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount",
    "mount_setattr", "bpf_load", "clone3",
)  # fmt: skip
"""What `kernel.calls` changes with, beside syncfs."""
SENDING = ("send", "sendall", "sendmsg", "sendto", "bind", "connect")

__all__ = ["Ended", "Harm", "Typist", "killed", "refused"]


class Harm(Fault):
    """Besides files: mounts and namespaces, everything that is said to the kernel or a monitor, processes, locks."""

    def install(self) -> None:
        super().install()
        for name in KERNEL:
            setattr(calls, name, self.counted(getattr(calls, name)))
        for name in SENDING:
            setattr(socket.socket, name, self.counted(getattr(socket.socket, name)))
        os.posix_spawn = self.counted(os.posix_spawn)
        signal.pidfd_send_signal = self.counted(signal.pidfd_send_signal)
        fcntl.flock = self.counted(fcntl.flock)


@dataclass(frozen=True)
class Ended:
    """`code` is negative for a signal."""

    line: str
    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return f"stackup {self.line}: {self.code}\n{self.out[-2000:]}{self.err[-4000:]}"


class Typist:
    """Types `line` in a folder; with `harm`, something happens on the way."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine, self.folder = machine, folder

    def load(self, *lines: str) -> None:
        """Whatever these lines load, so that who is forked from here need not."""
        for line in lines:
            for name in self._modules(line):
                importlib.import_module(name)

    def _modules(self, line: str) -> list[str]:
        reading, writing = os.pipe()

        def tell() -> None:
            names = [name for name in sys.modules if re.match(r"stackup\b", name)]
            os.write(writing, "\n".join(names).encode())

        self(line, after=tell)
        os.close(writing)
        with open(reading) as file:
            return file.read().split("\n")

    def __call__(
        self, line: str, *, harm: Fault | None = None, before: Callable[[], object] | None = None, after: Any = None
    ) -> Ended:
        out, err = os.memfd_create("out"), os.memfd_create("err")
        pid = os.fork()
        if not pid:
            self._live(line, (out, err), harm, (before, after))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return Ended(line, code, _read(out), _read(err))

    def _live(self, line: str, outputs: tuple[int, int], harm: Fault | None, around: tuple[Any, Any]) -> None:
        """The child's whole life."""
        before, after = around
        code = 99
        try:
            os.chdir(self.folder)
            for number, fd in enumerate((os.open(os.devnull, os.O_RDONLY), *outputs)):
                os.dup2(fd, number)
            sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w", closefd=False)) for number in (1, 2))
            if before:
                before()
            if harm:
                harm.install()
            code = run(line.split(), self.machine.environment)
            if after:
                after()
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def well(self, line: str) -> str:
        """What it printed on both; it must end well."""
        ended = self(line)
        assert ended.code == 0, ended.told
        return ended.out + ended.err


def _read(fd: int) -> str:
    with open(fd, "rb") as file:
        file.seek(0)
        return file.read().decode(errors="replace")
