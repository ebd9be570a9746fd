"""The waist's promises on this machine: a few random stacks become others, also after a SIGKILL at some step."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin.engine import BuiltinEngine
from stackup.engines.engine import observe
from stackup.layout import Layout
from stackup.reconcile.apply import Interrupt, apply
from stackup.reconcile.plan import text
from stackup.reconcile.resource import Desired, Run
from tests.conformance.test_kinds import STACK, Bench, on_this_machine, wanted
from tests.reconcile.stacks import Silent

pytestmark = [pytest.mark.host, pytest.mark.slow]
EVERYTHING = {"orphans": True, "data": True}


def random_file(dice: random.Random) -> str:
    """Two networks, one volume, up to three services; each choice a coin."""
    lines = ["name: conform", "services:"]
    for number, name in enumerate(("ant", "bee", "cat")):
        if number and dice.random() < 0.3:
            continue
        lines += [
            f"  {name}:",
            "    image: host",
            f'    command: [sleep, "{dice.choice((600, 700))}"]',
            "    init: true",
        ]
        lines += ["    stop_grace_period: 1s", f"    mem_limit: {dice.choice((64, 96))}m"]
        lines.append(f"    networks: {dice.choice(('[front]', '[back]', '[front, back]'))}")
        if dice.random() < 0.5:
            lines.append("    volumes: [data:/data]")
        if number and dice.random() < 0.5:
            lines.append("    depends_on: [ant]")
        if dice.random() < 0.5:
            lines.append(f"    scale: {dice.choice((1, 2))}")
    internal = dice.choice(("true", "false"))
    return "\n".join(
        [*lines, "networks:", "  front: {}", f"  back: {{internal: {internal}}}", "volumes: {data: {}}", ""]
    )


def settled(bench: Bench, desired: tuple[Desired, ...]) -> None:
    assert text(bench.plan(desired, **EVERYTHING)) == ""
    seen = bench.seen()
    assert set(seen) == {item.address for item in desired}
    for item in desired:
        assert seen[item.address].recorded == item.spec
        assert item.run is not Run.RUNNING or seen[item.address].run is Run.RUNNING


@pytest.mark.parametrize("seed", range(3))
def test_any_stack_becomes_any_other(seed: int, own_host: object, tmp_path: Path) -> None:
    dice = random.Random(seed)
    for bench in on_this_machine(tmp_path):
        for _ in range(3):
            desired = wanted(tmp_path, random_file(dice))
            bench.up(desired, **EVERYTHING)
            settled(bench, desired)


class Fatal(Silent):
    """A history that kills its writer at the n-th entry, before or after a step."""

    def __init__(self, entries: int) -> None:
        self.left = entries

    def begin(self, steps: Any) -> None:
        self._count()

    def end(self, step: Any, error: Any) -> None:
        self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("seed", range(4))
def test_after_a_kill_at_any_step_the_next_run_converges(seed: int, own_host: object, tmp_path: Path) -> None:
    dice = random.Random(100 + seed)
    for bench in on_this_machine(tmp_path):
        for _ in range(3):
            desired = wanted(tmp_path, random_file(dice))
            plan = bench.plan(desired, **EVERYTHING)
            killed_at(dice.randrange(0, 2 * len(plan.steps) + 1), tmp_path, bench, desired)
            bench.sweep()
            bench.up(desired, **EVERYTHING)
            settled(bench, desired)


def killed_at(entries: int, tmp_path: Path, bench: Bench, desired: tuple[Desired, ...]) -> None:
    """In a process of its own, with an engine of its own, since it will not come back."""
    child = os.fork()
    if child == 0:
        engine = BuiltinEngine(Layout(str(tmp_path / "state"), str(tmp_path / "run")), STACK, {})
        plan = bench.plan(desired, **EVERYTHING)
        apply(plan, engine.kinds, sink=lambda event: None, log=Fatal(entries), interrupt=Interrupt())
        engine.close()
        os._exit(0)
    os.waitpid(child, 0)


def test_down_leaves_no_record(own_host: object, tmp_path: Path) -> None:
    for bench in on_this_machine(tmp_path):
        bench.up(wanted(tmp_path, random_file(random.Random(7))))
        bench.up((), **EVERYTHING)
        assert observe(bench.engine.kinds.values(), STACK) == ()
