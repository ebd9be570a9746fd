"""Command lines typed at a host in memory, and what came of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from stackup.cli.main import run
from tests.project.shop import SHOP, Shop


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


class Shell:
    """A shop's folder as the current one; `typed("ps -a")` splits at spaces."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.chdir(folder)
        self._capsys = capsys
        self.shop = Shop(folder, SHOP, {"STACKUP_ROOT": f"{folder}/state", "STACKUP_RUN": f"{folder}/live"})

    def typed(self, line: str | list[str], **environ: str) -> Answer:
        self._capsys.readouterr()
        code = run(line.split() if isinstance(line, str) else line, {**self.shop.environ, **environ}, self.shop.host)
        found = self._capsys.readouterr()
        return Answer(code, found.out, found.err)


def bare_environment(folder: Path) -> dict[str, str]:
    """For programs of their own: nothing of the caller's but where things are."""
    root = str(Path(__file__).resolve().parents[2])
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": root,
        "STACKUP_ROOT": f"{folder}/state",
        "STACKUP_RUN": f"{folder}/live",
        "TERM": "xterm",
    }
