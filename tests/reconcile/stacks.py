"""Small desired sets, written as a stack file's author would think of them, on the memory engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stackup.engines.engine import observe
from stackup.engines.memory.world import MemoryEngine, World
from stackup.errors import StackupError
from stackup.reconcile.apply import Interrupt, Report, apply
from stackup.reconcile.codec import fingerprint
from stackup.reconcile.decide import Policy, decide
from stackup.reconcile.lower import lower
from stackup.reconcile.plan import Plan, Step
from stackup.reconcile.resource import Desired, Effect, Need, OnReplace, Row, Run, Until
from stackup.values import Address

STACK = "shop"
EFFECTS: dict[str, dict[str, Row]] = {
    "image": {},
    "network": {"subnet": Row(Effect.REPLACE, "addresses are given out"), "labels": Row(Effect.IN_PLACE, "record")},
    "volume": {"driver": Row(Effect.REPLACE, "data lives elsewhere")},
    "container": {
        "image": Row(Effect.REPLACE, "fixed when made"),
        "limits": Row(Effect.IN_PLACE, "cgroup write"),
        "sysctls": Row(Effect.RESTART, "set before the program runs"),
        "note": Row(Effect.IGNORE, "means nothing"),
        "depends_on": Row(Effect.IN_PLACE, "record"),
    },
}


def network(name: str = "default", **spec: Any) -> Desired:
    return Desired(Address("network", name), {"subnet": "10.0.0.0/24", **spec})


def volume(name: str = "data", **spec: Any) -> Desired:
    return Desired(Address("volume", name), {"driver": "local", **spec})


def on_network(name: str = "default") -> Need:
    return Need(Address("network", name), holds=True, on_replace=OnReplace.REPLACE)


def on_volume(name: str = "data") -> Need:
    return Need(Address("volume", name), holds=True, on_replace=OnReplace.REPLACE)


def after(name: str, until: Until = Until.STARTED, **rest: Any) -> Need:
    return Need(Address("container", name, 1), until, **rest)


def container(name: str, *needs: Need, index: int = 1, run: Run = Run.RUNNING, **spec: Any) -> Desired:
    by_kind: dict[str, list[str]] = {"network": [], "volume": [], "container": []}
    for need in needs:
        restarts = "!" if need.on_replace is OnReplace.RESTART else ""
        by_kind[need.on.kind].append(need.on.name + restarts)
    edges = {"networks": by_kind["network"], "mounts": by_kind["volume"], "depends_on": by_kind["container"]}
    return Desired(
        Address("container", name, index), {"image": "a", "limits": {"memory": 1}, **edges, **spec}, needs, run
    )


def known(desired: Iterable[Desired]) -> frozenset[tuple[str, str]]:
    return frozenset((item.address.kind, item.address.name) for item in desired)


class Silent:
    """A history that nobody reads."""

    def begin(self, steps: object) -> None:
        return None

    def end(self, step: Step, error: StackupError | None) -> None:
        return None


class Host:
    """A memory engine with the verbs of a user."""

    def __init__(self) -> None:
        self.world = World()
        self.engine = MemoryEngine(self.world, STACK, EFFECTS, frozenset({"container"}))

    def plan(self, *desired: Desired, **policy: Any) -> Plan:
        policy.setdefault("known", known(desired))
        rule = Policy(**policy)
        seen = observe(self.engine.kinds.values(), STACK)
        changes = decide(desired, seen, EFFECTS, rule)
        return Plan(STACK, changes, lower(changes, rule), fingerprint(seen))

    def apply(self, plan: Plan) -> Report:
        return apply(plan, self.engine.kinds, sink=lambda event: None, log=Silent(), interrupt=Interrupt())

    def up(self, *desired: Desired, **policy: Any) -> Report:
        return self.apply(self.plan(*desired, **policy))
