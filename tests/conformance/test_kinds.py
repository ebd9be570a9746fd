"""One suite for the Kind protocol, on every engine: what memory promises, the machine keeps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin.facts import HostFacts
from stackup.engines.desire import Wish, desire
from stackup.engines.desire.effects import EFFECTS, RUNNABLE
from stackup.engines.desire.facts import ImageFact, Look
from stackup.engines.engine import Engine, observe
from stackup.engines.memory.world import MemoryEngine, World
from stackup.layout import Layout
from stackup.reconcile.apply import Interrupt, Report, apply
from stackup.reconcile.decide import Policy, decide
from stackup.reconcile.lower import lower
from stackup.reconcile.plan import Plan, text
from stackup.reconcile.resource import Desired, Effect, Observed, Run, Until
from stackup.stackfile.load import Request, load
from stackup.values import Address
from tests.reconcile.stacks import Silent

STACK = "conform"
FILE = """
name: conform
services:
  one:
    image: host
    command: [sleep, "600"]
    init: true
    networks: [net]
    volumes: [data:/data]
    secrets: [word]
    stop_grace_period: 1s
    mem_limit: 64m
  two:
    image: host
    command: [sleep, "600"]
    init: true
    depends_on: [one]
    networks: [net]
    stop_grace_period: 1s
  job:
    image: host
    command: ["true"]
networks: {net: {}}
volumes: {data: {}}
secrets: {word: {environment: WORD}}
"""
ONE, TWO, JOB = (Address("container", name, 1) for name in ("one", "two", "job"))
NET, DATA, WORD = Address("network", "net"), Address("volume", "data"), Address("secret", "word")


class Facts(HostFacts):
    """This machine's, but that every image is its own root."""

    def image(self, text: str, look: Look) -> ImageFact | None:
        return ImageFact("host")

    def built(self, form: object, *, anyway: bool = False) -> ImageFact:
        return ImageFact("host")


def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path / "state"), str(tmp_path / "run"))


def wanted(tmp_path: Path, file: str = FILE, word: str = "abracadabra") -> tuple[Desired, ...]:
    (tmp_path / "stack.yaml").write_text(file)
    loaded = load(Request(str(tmp_path), environ={}))
    assert loaded.stack is not None, loaded.diagnostics
    found, problems = desire(loaded.stack, dict(loaded.origins), Facts(layout(tmp_path), {"WORD": word}), Wish())
    assert not problems
    return found


class Bench:
    """An engine and a stack, with the verbs that the suite speaks of."""

    def __init__(self, engine: Engine, tmp_path: Path) -> None:
        self.engine = engine
        self.tmp_path = tmp_path
        self.all = wanted(tmp_path)

    def seen(self) -> dict[Address, Observed]:
        return {item.address: item for item in observe(self.engine.kinds.values(), STACK)}

    def plan(self, desired: tuple[Desired, ...], **policy: Any) -> Plan:
        policy.setdefault("known", frozenset((item.address.kind, item.address.name) for item in desired))
        rule = Policy(**policy)
        changes = decide(desired, self.seen().values(), EFFECTS, rule)
        return Plan(STACK, changes, lower(changes, rule))

    def sweep(self) -> None:
        self.engine.sweep()

    def apply(self, plan: Plan) -> Report:
        return apply(plan, self.engine.kinds, sink=lambda event: None, log=Silent(), interrupt=Interrupt())

    def up(self, desired: tuple[Desired, ...], **policy: Any) -> Report:
        report = self.apply(self.plan(desired, **policy))
        assert report.errors == (), [(str(item.step), item.error) for item in report.errors]
        return report

    def down(self) -> Report:
        known = frozenset((item.address.kind, item.address.name) for item in self.all)
        return self.up((), known=known, clear=True, data=True)

    def settle(self) -> None:
        """A job ends in its own time."""
        deadline = time.monotonic() + 10
        while Until.COMPLETED not in self.seen()[JOB].reached and time.monotonic() < deadline:
            os.sched_yield()


def on_memory(tmp_path: Path) -> Iterator[Bench]:
    yield Bench(
        MemoryEngine(World(ends=lambda spec: spec.get("command") == ["true"]), STACK, EFFECTS, RUNNABLE), tmp_path
    )


def on_this_machine(tmp_path: Path) -> Iterator[Bench]:
    from stackup.engines.builtin.engine import BuiltinEngine

    engine = BuiltinEngine(layout(tmp_path), STACK, {})
    bench = Bench(engine, tmp_path)
    try:
        yield bench
    finally:
        bench.down()
        engine.close()


def run(body: Callable[[Bench], None], bench: Callable[[Path], Iterator[Bench]], tmp_path: Path) -> None:
    for one in bench(tmp_path):
        body(one)


def an_applied_stack_needs_nothing_more(bench: Bench) -> None:
    bench.up(bench.all)
    bench.settle()
    assert text(bench.plan(bench.all)) == ""


def what_is_observed_is_what_was_wanted(bench: Bench) -> None:
    bench.up(bench.all)
    bench.settle()
    seen = bench.seen()
    assert set(seen) == {item.address for item in bench.all}
    for item in bench.all:
        assert seen[item.address].recorded == item.spec
        assert not seen[item.address].broken
    assert seen[ONE].holds == {NET: seen[NET].instance, DATA: seen[DATA].instance, WORD: seen[WORD].instance}
    assert (seen[ONE].run, seen[JOB].run) == (Run.RUNNING, Run.STOPPED)
    assert Until.STARTED in seen[ONE].reached


def a_change_in_place_keeps_the_instance(bench: Bench) -> None:
    bench.up(bench.all)
    bench.settle()
    before = bench.seen()[ONE].instance
    limits = "64m\n    labels: {colour: red}\n    restart: always"
    plan = bench.plan(wanted(bench.tmp_path, FILE.replace("64m", limits).replace("64m", "96m")))
    assert [str(step) for step in plan.steps] == ["#1 update container/one#1"]
    assert {item.effect for item in plan.change(ONE).diffs} == {Effect.IN_PLACE}
    assert bench.apply(plan).errors == ()
    after = bench.seen()[ONE]
    assert (after.instance, after.run) == (before, Run.RUNNING)
    assert after.recorded["labels"] == {"colour": "red"}
    assert bench.plan(wanted(bench.tmp_path, FILE.replace("64m", limits).replace("64m", "96m"))).empty


def a_change_of_the_command_makes_another_instance(bench: Bench) -> None:
    bench.up(bench.all)
    before = bench.seen()[TWO].instance
    newer = wanted(
        bench.tmp_path, FILE.replace('"600"]\n    init: true\n    depends', '"700"]\n    init: true\n    depends')
    )
    bench.up(newer)
    assert bench.seen()[TWO].instance != before
    assert bench.seen()[TWO].run is Run.RUNNING


def a_stop_stops_and_a_start_starts_the_same_instance(bench: Bench) -> None:
    bench.up(bench.all)
    before = bench.seen()[ONE].instance
    bench.up(tuple(replace(item, run=Run.STOPPED) if item.address.kind == "container" else item for item in bench.all))
    assert bench.seen()[ONE].run is Run.STOPPED
    assert Until.STARTED not in bench.seen()[ONE].reached
    bench.up(bench.all)
    assert (bench.seen()[ONE].instance, bench.seen()[ONE].run) == (before, Run.RUNNING)


def making_only_makes(bench: Bench) -> None:
    created = tuple(replace(item, run=Run.AS_IS) if item.address.kind == "container" else item for item in bench.all)
    bench.up(created)
    assert {item.run for item in bench.seen().values() if item.address.kind == "container"} == {Run.STOPPED}
    assert bench.plan(created).empty


def nothing_is_left(bench: Bench) -> None:
    bench.up(bench.all)
    bench.down()
    assert bench.seen() == {}


def deleting_what_is_gone_succeeds(bench: Bench) -> None:
    bench.up(bench.all)
    known = frozenset((item.address.kind, item.address.name) for item in bench.all)
    plan = bench.plan((), known=known, clear=True, data=True)
    assert bench.apply(plan).errors == ()
    assert bench.apply(plan).errors == ()


def a_replaced_network_is_held_by_everyone_again(bench: Bench) -> None:
    bench.up(bench.all)
    other = "networks: {net: {ipam: {config: [{subnet: 10.213.7.0/24}]}}}"
    newer = wanted(bench.tmp_path, FILE.replace("networks: {net: {}}", other))
    bench.up(newer)
    bench.settle()
    seen = bench.seen()
    assert {seen[ONE].holds[NET], seen[TWO].holds[NET]} == {seen[NET].instance}
    assert bench.plan(newer).empty


def a_secret_with_other_bytes_replaces_who_reads_it(bench: Bench) -> None:
    bench.up(bench.all)
    before = bench.seen()
    newer = wanted(bench.tmp_path, word="open sesame")
    bench.up(newer)
    assert bench.seen()[ONE].instance != before[ONE].instance
    assert bench.seen()[TWO].instance == before[TWO].instance


def who_goes_on_running_lets_go_of_what_is_deleted(bench: Bench) -> None:
    follower = wanted(bench.tmp_path, FILE.replace("depends_on: [one]", "depends_on: {one: {restart: true}}"))
    bench.up(follower)
    before = bench.seen()[TWO]
    two = next(item for item in follower if item.address == TWO)
    two = replace(two, needs=tuple(n for n in two.needs if n.on != ONE), spec={**two.spec, "depends_on": {}})
    alone = (*(item for item in follower if item.address not in (ONE, TWO)), two)
    plan = bench.plan(alone, orphans=True)
    assert [str(step) for step in plan.steps if step.address == TWO] == [
        "#2 release container/two#1",
        "#4 update container/two#1 after 2",
    ]
    assert bench.apply(plan).errors == ()
    after = bench.seen()
    assert ONE not in after
    assert (after[TWO].instance, after[TWO].run) == (before.instance, Run.RUNNING)
    assert ONE not in after[TWO].holds


SUITE = (
    an_applied_stack_needs_nothing_more,
    what_is_observed_is_what_was_wanted,
    a_change_in_place_keeps_the_instance,
    a_change_of_the_command_makes_another_instance,
    a_stop_stops_and_a_start_starts_the_same_instance,
    making_only_makes,
    nothing_is_left,
    deleting_what_is_gone_succeeds,
    a_replaced_network_is_held_by_everyone_again,
    a_secret_with_other_bytes_replaces_who_reads_it,
    who_goes_on_running_lets_go_of_what_is_deleted,
)


@pytest.mark.parametrize("body", SUITE, ids=lambda body: body.__name__)
def test_on_memory(body: Callable[[Bench], None], tmp_path: Path) -> None:
    run(body, on_memory, tmp_path)


@pytest.mark.host
@pytest.mark.slow
@pytest.mark.parametrize("body", SUITE, ids=lambda body: body.__name__)
def test_on_this_machine(body: Callable[[Bench], None], own_host: object, tmp_path: Path) -> None:
    run(body, on_this_machine, tmp_path)
