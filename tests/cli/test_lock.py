"""What a lock says must reach whoever asks for plans and configs, people and programs."""

from __future__ import annotations

import json

import pytest

from tests.cli.shell import Shell

A, B = (f"sha256:{letter * 64}" for letter in "ab")
LOCK = f"format: 1\nimages:\n  nginx: {{digest: '{A}'}}\n  postgres:16: {{digest: '{B}'}}\n"


@pytest.fixture
def locked(shell: Shell) -> Shell:
    (shell.shop.folder / "stackup.lock").write_text(LOCK)
    return shell


def test_every_form_of_a_plan_names_tags_that_moved(locked: Shell) -> None:
    lines = [line for line in locked.typed("plan").out.splitlines() if line.startswith("tag moved")]
    assert len(lines) == 2
    steps = locked.typed("plan --steps").out
    assert steps.splitlines()[-2:] == lines
    assert steps.splitlines()[:-2]
    told = json.loads(locked.typed("plan --json").out)["plan"]["moved"]
    assert [(row["image"], row["services"], row["locked"], row["at"], row["place"]) for row in told] == [
        ("postgres:16", ["db"], B, "here", "stack.yaml:4"),
        ("nginx", ["web"], A, "here", "stack.yaml:8"),
    ]
    assert locked.typed("plan --detailed-exitcode --json").code == 2


def test_pinned_configs_have_the_locked_digests(locked: Shell) -> None:
    for flag in ("--lock-image-digests", "--resolve-image-digests"):
        out = locked.typed(["config", flag]).out
        assert f"nginx:latest@{A}" in out
        assert f"postgres:16@{B}" in out
