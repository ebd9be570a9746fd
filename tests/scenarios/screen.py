"""A terminal before the command: what it shows is read until words appear, keys are pressed, windows have a size."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from pathlib import Path
from typing import Self

from stackup.cli.foreground import ONE_PRESS
from tests.scenarios.machine import Machine

ROWS, COLUMNS = 33, 101


class Screen:
    """The command has the terminal as its controlling one, so that Ctrl-C is a key and not a call."""

    def __init__(self, machine: Machine, folder: Path, *words: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**machine.environment, "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *machine.command(words)],
            cwd=folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def press_again(self, keys: bytes) -> None:
        """Late enough to be another press; nothing is to be seen meanwhile but what comes anyway."""
        deadline = time.monotonic() + ONE_PRESS + 0.1
        while (left := deadline - time.monotonic()) > 0:
            self._read(left)
        self.press(keys)

    def until(self, *words: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while missing := [word for word in words if word not in self.text]:
            left = deadline - time.monotonic()
            gone = left <= 0 or self._read(left) is None
            assert not gone, f"{missing} did not come:\n{self.text}"

    def ended(self, seconds: float = 20.0) -> int:
        """Its exit code; what it still writes is read, or it could not end."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()) is not None:
            assert time.monotonic() < deadline, f"it did not end:\n{self.text}"
        return self._process.wait(timeout=10)

    def _read(self, seconds: float) -> str | None:
        """What came within the time; None when the other side has gone."""
        if not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return ""
        try:
            came = os.read(self._master, 65536).decode(errors="replace")
        except OSError:  # EIO: nobody has the terminal open any more
            return None
        self.text += came
        return came
