from __future__ import annotations

from pathlib import Path

import pytest

from stackup.engines.memory.world import World
from stackup.project.lifecycle import Selected, stop
from stackup.project.resume import mend, park, resume, stacks
from stackup.project.up import UpOptions, up
from stackup.reconcile.apply import Report
from stackup.reconcile.resource import Run
from stackup.values import Address
from tests.project.shop import Shop

STACK = """\
name: shop
services:
  db: {image: a, restart: always, healthcheck: {test: [CMD, "true"]}}
  web: {image: a, restart: unless-stopped, depends_on: {db: {condition: service_healthy}, once: {condition: service_started}}}
  off: {image: a, restart: unless-stopped, networks: [back]}
  flaky: {image: a, restart: on-failure}
  once: {image: a}
networks: {back: {}}
"""


def verbs(report: Report) -> list[str]:
    return [f"{item.step.verb.value} {item.step.address.name}" for item in report.steps]


def crash(world: World) -> None:
    """The machine went down: everything ended, and nobody was asked."""
    for address, seen in list(world.stack("shop").items()):
        if seen.address.kind == "container" and seen.run.value == "running":
            world.end("shop", address, 137)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, STACK)
    assert up(made.session(), UpOptions()).ok
    return made


def test_what_comes_back_is_the_policys_word(shop: Shop) -> None:
    stop(shop.session(), Selected(("off",)))
    crash(shop.host.world)
    assert verbs(resume(shop.session(), "shop")) == ["start db", "await db", "start web"]
    assert shop.running() == ["container/db#1", "container/web#1"]
    assert verbs(resume(shop.session(), "shop")) == []


def test_always_comes_back_also_when_it_was_stopped(shop: Shop) -> None:
    stop(shop.session(), Selected(()))
    assert verbs(resume(shop.session(), "shop")) == ["start db"]


def test_what_was_never_started_is_not_started(tmp_path: Path) -> None:
    shop = Shop(tmp_path, STACK)
    assert up(shop.session(), UpOptions(run=Run.AS_IS)).ok
    assert verbs(resume(shop.session(), "shop")) == []


def test_what_is_parked_ends_in_order(shop: Shop) -> None:
    done = verbs(park(shop.session(), "shop"))
    assert done.index("stop web") < done.index("stop db")
    assert shop.running() == []
    assert shop.host.opened[-1].parks


def test_what_has_changed_in_the_file_is_ups_business(shop: Shop) -> None:
    crash(shop.host.world)
    shop.write(STACK.replace("image: a", "image: b"))
    mend(shop.session(), "shop")
    resume(shop.session(), "shop")
    assert shop.things[Address("container", "web", 1)].recorded["image_name"] == "a"


def test_all_stacks_or_the_one_that_is_named(shop: Shop) -> None:
    (shop.folder / "stack.yaml").unlink()
    assert stacks(shop.session()) == ["shop"]
    assert stacks(shop.session(stack_name="other")) == []
    assert verbs(mend(shop.session(), "shop")) == []
