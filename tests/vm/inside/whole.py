"""The machine itself as a scenario's machine: the real command with its usual roots, no namespaces around it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.scenarios.machine import Machine

JOB = Path("/srv/job/stage")
"""There in the virtual machine only."""


class Whole(Machine):
    """`folder` holds a stack.yaml, which `write` writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.state, self.run = "/var/lib/stackup", "/run/stackup"
        del self.environment["STACKUP_ROOT"], self.environment["STACKUP_RUN"]

    def write(self, text: str) -> None:
        (self.folder / "stack.yaml").write_text(text)

    def told(self, *words: str, code: int | None = 0) -> str:
        """Both streams."""
        done = self.typed(*words, code=code)
        return done.stdout + done.stderr

    def found(self) -> dict[str, tuple[str, str, str]]:
        """`doctor`: by subject, level, text and remedy."""
        rows = json.loads(self.stackup("doctor", "--json", code=None))["findings"]
        return {row["subject"]: (row["level"], row["text"], row["hint"]) for row in rows}


def shell(command: str) -> str:
    """A command of the machine's, which must succeed; its output."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()
