"""What a build stands on comes from a registry, and again when somebody asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackup.images.push import Pusher
from stackup.images.reference import parse
from tests.conftest import OwnHost
from tests.engines.yard import Site
from tests.images import registries

pytestmark = pytest.mark.host
NAME = "127.0.0.1:5000/base:1"
TEXT = f"FROM {NAME}\nCOPY own /own\n"


def publish(maker: Site, word: str) -> None:
    maker.write("word", word)
    maker.store.tag(maker.build("FROM scratch\nCOPY word /word\n"), NAME)
    Pusher(maker.store, registries.client_of(maker.context), parse(NAME)).push()


def words(site: Site, image: str) -> list[str]:
    """What the layers of the image have to say, the top one first."""
    found = [Path(layer, name) for layer in site.store.layers(image) for name in ("own", "word")]
    return [path.read_text() for path in found if path.exists()]


def test_a_base_is_pulled_once_and_looked_for_anew_when_that_is_wished(
    site: Site, own_host: OwnHost, tmp_path: Path
) -> None:
    registries.serve(tmp_path / "plain", 5000)
    maker = Site(tmp_path / "maker")
    site.write("own", "own")
    site.environ = {"HOME": str(tmp_path)}
    publish(maker, "first")
    assert words(site, site.build(TEXT)) == ["own", "first"]
    publish(maker, "second")
    assert words(site, site.build(TEXT)) == ["own", "first"]
    assert words(site, site.build(TEXT, pull=True)) == ["own", "second"]
