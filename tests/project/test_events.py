from __future__ import annotations

import time
from pathlib import Path

import pytest

from stackup.errors import UsageError
from stackup.project.events import events
from stackup.project.lifecycle import Selected, stop
from stackup.project.run import RunOptions
from stackup.project.run import start as run
from stackup.project.up import UpOptions, up
from tests.project.shop import Shop


def told(shop: Shop, *services: str, since: float = 0.0) -> list[str]:
    found = events(shop.session(), services, since=since, until=time.time())
    return [f"{one['service']} {one['action']}" for one in found]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    assert up(made.session(), UpOptions()).ok
    return made


def test_the_past_is_told_in_its_order(shop: Shop) -> None:
    stop(shop.session(), Selected(("web",)))
    assert told(shop, "web") == ["web create", "web start", "web kill", "web die", "web stop"]
    assert told(shop)[:2] == ["db create", "web create"]
    assert told(shop, since=time.time() - 0.000001) == []


def test_a_one_off_is_nobodys_replica(shop: Shop) -> None:
    run(shop.session(), RunOptions("web", {}, no_deps=True))
    assert told(shop, "web") == ["web create", "web start"]


def test_what_is_to_come_begins_now_or_where_it_is_asked_to(shop: Shop) -> None:
    coming = events(shop.session(), (), since=0.0, until=time.time() + 0.05)
    assert list(coming) == []
    assert next(events(shop.session(), (), since=1.0, until=0.0))["action"] == "create"


def test_a_service_that_does_not_exist_and_a_span_that_ends_before_it_begins(shop: Shop) -> None:
    with pytest.raises(UsageError, match="webb"):
        told(shop, "webb")
    with pytest.raises(UsageError, match="--since"):
        next(events(shop.session(), (), since=5.0, until=4.0))
