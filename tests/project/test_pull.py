"""Images as resources, on a host in memory: fetched before anything else, once, and nobody's afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackup.engines.desire.facts import Look
from stackup.engines.desire.images import look_of
from stackup.project.plan import plan
from stackup.project.pull import PullOptions, pull, pull_image
from stackup.project.up import UpOptions, up
from stackup.reconcile.plan import Verb, text
from stackup.stackfile.model import Service
from tests.project.shop import SHOP, Shop

REMOTE = SHOP.replace("image: nginx", "image: remote-web").replace("image: postgres:16", "image: remote-db")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, REMOTE)


def test_an_image_is_fetched_before_the_container_that_needs_it(shop: Shop) -> None:
    made = plan(shop.session(), UpOptions())
    lines = text(made)
    assert lines.index("create image/remote-web") < lines.index("create container/web#1")
    assert up(shop.session(), UpOptions()).ok
    assert shop.host.world.images == {"remote-web", "remote-db"}
    assert plan(shop.session(), UpOptions()).empty
    assert not any(address.kind == "image" for address in shop.things)


def test_a_set_with_something_to_fetch_is_not_kept(shop: Shop) -> None:
    up(shop.session(), UpOptions())
    assert plan(shop.session(), UpOptions()).empty
    shop.host.world.images.clear()
    assert [str(change.address) for change in plan(shop.session(), UpOptions()).changes if not change.idle] == [
        "image/remote-db",
        "image/remote-web",
    ]


def test_everything_is_fetched_before_anybody_is_stopped(shop: Shop) -> None:
    up(shop.session(), UpOptions())
    shop.write(REMOTE.replace("remote-web", "remote-new").replace("512m", "600m"))
    made = plan(shop.session(), UpOptions(force_recreate=True))
    (fetch,) = [step.id for step in made.steps if step.address.kind == "image"]
    stops = [step for step in made.steps if step.verb is Verb.STOP]
    assert len(stops) == 2
    above = {step.id: step for step in made.steps}

    def before(number: int) -> set[int]:
        return set(above[number].after).union(*(before(other) for other in above[number].after))

    assert all(fetch in before(step.id) for step in stops)


def test_only_the_images_of_the_services_that_are_asked_for(shop: Shop) -> None:
    assert pull(shop.session(), PullOptions(("web",))).ok
    assert shop.host.world.images == {"remote-web"}
    assert pull(shop.session(), PullOptions(("web",), include_deps=True)).present == ("remote-web",)
    assert shop.host.world.images == {"remote-web", "remote-db"}
    assert not shop.things


def test_one_image_by_its_name(shop: Shop) -> None:
    assert pull_image(shop.session(), "remote-other").ok
    assert "remote-other" in shop.host.world.images


def test_a_dry_run_fetches_nothing(shop: Shop) -> None:
    assert pull(shop.session(dry_run=True), PullOptions()).ok
    assert shop.host.world.images == set()


@pytest.mark.parametrize(
    ("policy", "flag", "look"),
    [
        ("", "", Look()),
        ("missing", "", Look()),
        ("if_not_present", "", Look()),
        ("always", "", Look(0.0)),
        ("never", "", Look(ask=False)),
        ("daily", "", Look(86400.0)),
        ("weekly", "", Look(604800.0)),
        ("every_1h30m", "", Look(5400.0)),
        ("refresh", "", Look(60.0)),
        ("always", "never", Look(ask=False)),
        ("never", "always", Look(0.0)),
        ("always", "missing", Look()),
        ("daily", "policy", Look(86400.0)),
        ("build", "", Look()),
    ],
)
def test_policies(policy: str, flag: str, look: Look) -> None:
    service = Service.model_validate({"image": "x", "pull_policy": policy or None, "pull_refresh_after": "1m"})
    assert look_of(service, flag) == look


BOTH = """\
name: shop
services:
  found: {image: remote-found, build: .}
  lost: {image: missing-lost, build: .}
  never: {image: remote-never, build: ., pull_policy: never}
  always: {image: remote-always, build: ., pull_policy: always}
  built: {image: remote-built, build: ., pull_policy: build}
  nameless: {build: .}
  user: {image: missing-lost}
"""


def ways(shop: Shop, **options: Any) -> dict[str, str]:
    """How each image comes here."""
    made = plan(shop.session(), UpOptions(**options))
    images = [change.desired for change in made.changes if change.desired and change.address.kind == "image"]
    return {one.address.name: "build" if "build" in one.spec else "pull" for one in images}


def test_what_has_a_name_and_a_build_is_pulled_where_that_works(tmp_path: Path) -> None:
    """As docker compose does; what is built without a try says so in its policy."""
    shop = Shop(tmp_path, BOTH)
    tried = {"remote-found": "pull", "missing-lost": "build", "remote-always": "pull"}
    untried = {"remote-never": "build", "remote-built": "build", "shop-nameless": "build"}
    assert ways(shop) == tried | untried
    assert set(ways(shop, build="all").values()) == {"build"}
    assert set(ways(shop, pull="never").values()) == {"build"}
    shop.write(
        BOTH.replace("  lost: {image: missing-lost, build: .}\n", "").replace("  user: {image: missing-lost}\n", "")
    )
    assert ways(shop, services=("found", "always"), build="none") == {"remote-found": "pull", "remote-always": "pull"}


def test_a_service_without_a_build_waits_for_the_one_that_makes_its_image(tmp_path: Path) -> None:
    shop = Shop(tmp_path, BOTH)
    made = plan(shop.session(), UpOptions(services=("user", "lost")))
    (image,) = [step.id for step in made.steps if str(step.address) == "image/missing-lost"]
    (user,) = [step for step in made.steps if str(step.address) == "container/user#1" and step.verb is Verb.CREATE]
    assert image in user.after
