"""The promises of the waist on random stacks: fixpoint, convergence, crash anywhere, no cycles, the same plan twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackup.engines.engine import observe
from stackup.reconcile.plan import Plan, Verb, text
from stackup.reconcile.resource import Desired, Need, OnReplace, Run, Until
from stackup.values import Address
from tests.reconcile.stacks import STACK, Host, after, container, network, on_network, on_volume, volume

pytestmark = pytest.mark.slow
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EVERYTHING = {"orphans": True, "data": True}
NAMES = ("ant", "bee", "cat", "dog")


class Killed(BaseException):
    """The process is gone: nothing after it happens."""


@st.composite
def stacks(draw: st.DrawFn) -> tuple[Desired, ...]:
    """Networks, volumes, and services that need only services before them in the alphabet."""
    networks = draw(st.lists(st.sampled_from(("front", "back")), unique=True))
    volumes = draw(st.lists(st.sampled_from(("data", "logs")), unique=True))
    found = [network(name, subnet=draw(st.sampled_from(("10.0.0.0/24", "10.1.0.0/24")))) for name in networks]
    found += [volume(name, driver=draw(st.sampled_from(("local", "nfs")))) for name in volumes]
    services: list[str] = []
    for name in NAMES:
        if draw(st.booleans()):
            found += draw(service(name, networks, volumes, services))
            services.append(name)
    return tuple(found)


@st.composite
def service(draw: st.DrawFn, name: str, networks: list[str], volumes: list[str], earlier: list[str]) -> list[Desired]:
    needs: list[Need] = [on_network(other) for other in networks if draw(st.booleans())]
    needs += [on_volume(other) for other in volumes if draw(st.booleans())]
    for other in earlier:
        if draw(st.booleans()):
            needs.append(draw(st.sampled_from((after(other), after(other, holds=True, on_replace=OnReplace.RESTART)))))
    spec: dict[str, Any] = {
        "image": draw(st.sampled_from("ab")),
        "limits": {"memory": draw(st.sampled_from((1, 2)))},
        "sysctls": draw(st.sampled_from(({}, {"x": "1"}))),
        "job": draw(st.integers(0, 5)) == 0,
    }
    run = draw(st.sampled_from((Run.RUNNING, Run.RUNNING, Run.STOPPED)))
    return [container(name, *needs, index=index + 1, run=run, **spec) for index in range(draw(st.integers(1, 3)))]


def settled(host: Host, desired: tuple[Desired, ...]) -> None:
    """Nothing more to do, and what is there is exactly what is wanted, each holding what is there."""
    assert text(host.plan(*desired, **EVERYTHING)) == ""
    there = {seen.address: seen for seen in observe(host.engine.kinds.values(), STACK)}
    assert set(there) == {item.address for item in desired}
    for item in desired:
        seen = there[item.address]
        assert seen.recorded == item.spec
        assert not seen.broken
        for need in item.needs:
            if need.holds and seen.run is Run.RUNNING:
                assert seen.holds[need.on] == there[need.on].instance
        if item.run is Run.RUNNING:
            assert seen.run is Run.RUNNING or Until.COMPLETED in seen.reached
        if item.run is Run.STOPPED:
            assert seen.run is Run.STOPPED


def acyclic(plan: Plan) -> bool:
    """Steps are numbered so that each comes after what it waits for: that is a proof that there is no cycle."""
    return all(before < step.id for step in plan.steps for before in (*step.after, *step.tolerates))


@SETTINGS
@given(stacks())
def test_the_plan_of_an_applied_stack_is_empty(desired: tuple[Desired, ...]) -> None:
    host = Host()
    assert host.up(*desired, **EVERYTHING).ok
    settled(host, desired)


@SETTINGS
@given(stacks(), stacks())
def test_any_stack_becomes_any_other(first: tuple[Desired, ...], second: tuple[Desired, ...]) -> None:
    host = Host()
    assert host.up(*first, **EVERYTHING).ok
    plan = host.plan(*second, **EVERYTHING)
    assert acyclic(plan)
    assert host.apply(plan).errors == ()
    settled(host, second)


@SETTINGS
@given(stacks(), stacks())
def test_planning_twice_gives_the_same_plan(first: tuple[Desired, ...], second: tuple[Desired, ...]) -> None:
    host = Host()
    host.up(*first, **EVERYTHING)
    assert host.plan(*second, **EVERYTHING) == host.plan(*reversed(second), **EVERYTHING)


@settings(SETTINGS, max_examples=400)
@given(stacks(), stacks(), st.integers(0, 30), st.booleans())
def test_after_a_kill_at_any_write_the_next_run_converges(
    first: tuple[Desired, ...], second: tuple[Desired, ...], writes: int, back: bool
) -> None:
    """Also when the user has changed the file back meanwhile."""
    host = Host()
    assert host.up(*first, **EVERYTHING).ok
    left = writes

    def die(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    host.world.before_write = die
    try:
        host.up(*second, **EVERYTHING)
    except Killed:
        pass
    host.world.before_write = lambda what: None
    wanted = first if back else second
    assert host.up(*wanted, **EVERYTHING).errors == ()
    settled(host, wanted)


@SETTINGS
@given(stacks())
def test_down_with_its_data_leaves_nothing(desired: tuple[Desired, ...]) -> None:
    host = Host()
    host.up(*desired)
    known = frozenset((item.address.kind, item.address.name) for item in desired)
    assert host.up(known=known, clear=True, data=True).errors == ()
    assert host.world.stack(STACK) == {}


@SETTINGS
@given(stacks(), st.sampled_from(NAMES))
def test_a_stopped_service_is_started_by_the_next_up(desired: tuple[Desired, ...], name: str) -> None:
    host = Host()
    assert host.up(*desired).ok
    stopped = [
        replace(item, run=Run.STOPPED) if item.address.name == name and item.run is Run.RUNNING else item
        for item in desired
    ]
    host.up(*stopped)
    assert host.up(*desired).ok
    settled(host, desired)
    assert Address("container", name, 1) not in {step.address for step in host.plan(*desired).steps}


def with_images(desired: tuple[Desired, ...]) -> tuple[Desired, ...]:
    """The same on a machine that has none of the images yet."""
    names = {str(item.spec["image"]) for item in desired if item.address.kind == "container"}
    images = tuple(Desired(Address("image", name), {"name": name}) for name in sorted(names))
    return images + tuple(
        replace(item, needs=(*item.needs, Need(Address("image", str(item.spec["image"])))))
        if item.address.kind == "container"
        else item
        for item in desired
    )


@SETTINGS
@given(stacks(), stacks())
def test_everything_is_fetched_before_anything_is_released(
    first: tuple[Desired, ...], second: tuple[Desired, ...]
) -> None:
    host = Host()
    assert host.up(*first, **EVERYTHING).ok
    plan = host.plan(*with_images(second), **EVERYTHING)
    assert acyclic(plan)
    above: dict[int, set[int]] = {}
    for step in plan.steps:
        above[step.id] = set(step.after).union(*(above[before] for before in step.after))
    fetches = {step.id for step in plan.steps if step.address.kind == "image"}
    assert all(fetches <= above[step.id] for step in plan.steps if step.verb in (Verb.STOP, Verb.DELETE))
    assert host.apply(plan).errors == ()
    settled(host, second)
