"""The machine of a scenario: the real command with roots of its own, pages fetched from published ports, an inventory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.scenarios.inventory import difference, inventory

ROOT = Path(__file__).resolve().parents[2]


class Machine:
    """Made outside; used by the scenario's body inside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state, self.run = str(folder / "state"), str(folder / "run")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "STACKUP_"))},
            "STACKUP_ROOT": self.state,
            "STACKUP_RUN": self.run,
            "PYTHONPATH": str(ROOT),
        }

    def example(self, name: str) -> Path:
        """A copy of an example's folder, for this scenario to change."""
        return Path(shutil.copytree(ROOT / "examples" / name, self.folder / name))

    def command(self, words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "stackup", *words]

    def typed(
        self,
        *words: str,
        cwd: Path | None = None,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        given: str | None = None,
        timeout: float = 50,
    ) -> subprocess.CompletedProcess[str]:
        """One command that has ended; its exit code must be `code`. `given`: its standard input."""
        done = subprocess.run(
            self.command(words),
            cwd=cwd or self.folder,
            env={**self.environment, **(env or {})},
            input=given or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        told = f"stackup {' '.join(words)}: exit code {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-6000:]}"
        assert code is None or done.returncode == code, told
        return done

    def piped(self, given: bytes, *words: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[bytes]:
        """One command that is given bytes on standard input."""
        done = subprocess.run(
            self.command(words),
            cwd=cwd,
            env=self.environment,
            input=given,
            capture_output=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == code, done.stderr.decode(errors="replace")
        return done

    def stackup(self, *words: str, cwd: Path | None = None, code: int | None = 0, timeout: float = 50) -> str:
        """What it printed on standard output; its exit code must be `code`."""
        return self.typed(*words, cwd=cwd, code=code, timeout=timeout).stdout

    def killed_at(self, event: int, *words: str, cwd: Path) -> bool:
        """Starts a command and kills it with SIGKILL when it has told `event` events. False: it ended before."""
        process = subprocess.Popen(
            self.command(["--progress", "json", *words]),
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        seen = 0
        with process.stderr:
            for line in process.stderr:
                seen += is_event(line)
                if seen == event:
                    process.send_signal(signal.SIGKILL)
                    break
        process.wait(timeout=50)
        return process.returncode == -signal.SIGKILL

    def inventory(self) -> dict[str, list[str]]:
        return inventory([str(self.folder), "/run", "/dev/shm"], (self.state, self.run))

    def must_be_as(self, before: dict[str, list[str]]) -> None:
        """Fails with what came and went. A launcher ends a moment after its command: bounded patience."""
        deadline = time.monotonic() + 5
        while (told := difference(before, self.inventory())) and time.monotonic() < deadline:
            reap()
            time.sleep(0.02)
        assert not told, f"the host is not as before:\n{told}"

    def page(self, url: str, data: bytes | None = None, **headers: str) -> str:
        request = urllib.request.Request(url, data, {name.capitalize(): value for name, value in headers.items()})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())

    def refuses(self, url: str) -> bool:
        try:
            self.page(url)
        except urllib.error.HTTPError:
            return False
        except OSError:
            return True
        return False


def is_event(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def reap() -> None:
    """The body is process 1 of its machine, so that it inherits what loses its parent."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return
