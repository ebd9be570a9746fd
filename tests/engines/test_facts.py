"""What is known of images when a stack is translated: the store first, the registry where that does not do."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin import foresight
from stackup.engines.builtin.facts import HostFacts
from stackup.engines.desire.facts import Look
from stackup.errors import RemoteError, StackupError
from stackup.images import pull as pulling
from stackup.images.access import Access
from stackup.images.build.outline import Outline, outline
from stackup.images.index import Platform
from stackup.images.pull import Client, Puller, find
from stackup.images.reference import parse
from stackup.images.store import Store
from stackup.layout import Layout
from stackup.project.resolve import Noting
from stackup.stamps import holds
from tests.images.fakenet import HOST, FakeNet, Shelf

NAME = f"{HOST}/app:1"
DAY = 86_400.0


class Place:
    """A machine with a registry in reach."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = Layout(str(folder / "state"), str(folder / "run"))
        self.environ = {"HOME": str(folder), "STACKUP_CONFIG": str(folder / "config")}
        self.store = Store(self.layout.images_dir)
        self.shelf = Shelf()
        self.net = FakeNet({HOST: self.shelf})
        monkeypatch.setattr(pulling, "Network", lambda access: self.net)

    def facts(self, **environ: str) -> HostFacts:
        return HostFacts(self.layout, {**self.environ, **environ})

    def pull(self) -> str:
        client = Client(Access.from_environment(self.environ, uid=1), self.net)
        return Puller(self.store).pull(find(client, parse(NAME), Platform("linux", "amd64")))

    def age(self, seconds: float) -> None:
        """The tag was looked at so long ago."""
        (tag,) = Path(self.store.dir, "tags").iterdir()
        os.utime(tag, (time.time() - seconds,) * 2)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path, monkeypatch)
    made.shelf.add_image("1")
    return made


def test_an_image_that_is_not_here_is_found_and_nothing_is_written(place: Place) -> None:
    fact = place.facts().image(NAME, Look())
    assert fact is not None
    assert fact.fetch is not None
    assert (fact.healthcheck, fact.volumes) == (True, ("/data",))
    assert fact.fetch["name"] == NAME
    assert fact.fetch["image"] == fact.id
    assert not os.path.exists(place.store.dir)
    assert place.pull() == fact.id


def test_one_that_is_here_asks_nobody(place: Place) -> None:
    image = place.pull()
    place.net.requests.clear()
    fact = place.facts(STACKUP_OFFLINE="1").image(NAME, Look())
    assert fact is not None
    assert (fact.id, fact.fetch, place.net.requests) == (image, None, [])


def test_always_asks_and_wants_only_what_moved(place: Place) -> None:
    image = place.pull()
    fact = place.facts().image(NAME, Look(0.0))
    assert fact is not None
    assert (fact.id, fact.fetch, fact.until) == (image, None, 0.0)
    place.shelf.add_image("1", author="somebody else")
    assert place.facts().image(NAME, Look(0.0)) == fact  # another manifest of the same image
    place.shelf.config = {"Cmd": ["/other"]}
    place.shelf.add_image("1")
    moved = place.facts().image(NAME, Look(0.0))
    assert moved is not None
    assert moved.id != image
    assert moved.fetch is not None


def test_a_timed_policy_asks_when_it_is_time(place: Place) -> None:
    place.pull()
    place.net.requests.clear()
    fresh = place.facts().image(NAME, Look(DAY))
    assert fresh is not None
    assert fresh.fetch is None
    assert abs(fresh.until - time.time() - DAY) < 60
    assert place.net.requests == []
    place.age(DAY + 1)
    due = place.facts().image(NAME, Look(DAY))
    assert due is not None
    assert due.fetch is not None
    assert due.id == fresh.id
    place.pull()
    again = place.facts().image(NAME, Look(DAY))
    assert again is not None
    assert again.fetch is None


def test_never_takes_what_is_here_or_nothing(place: Place) -> None:
    assert place.facts().image(NAME, Look(ask=False)) is None
    image = place.pull()
    place.age(10 * DAY)
    fact = place.facts().image(NAME, Look(age=0.0, ask=False))
    assert fact is not None
    assert fact.id == image


def test_content_that_is_named_by_its_digest_is_never_too_old(place: Place) -> None:
    place.pull()
    place.net.requests.clear()
    fact = place.facts().image(f"{HOST}/app@{place.store.digest_of(NAME)}", Look(0.0))
    assert fact is not None
    assert (fact.fetch, place.net.requests) == (None, [])


def test_another_platform_is_another_image(place: Place) -> None:
    place.pull()
    with pytest.raises(StackupError, match="does not exist for linux/arm64"):
        place.facts().image(NAME, Look(platform="linux/arm64"))
    place.shelf.add_image("1", architecture="arm64")
    fact = place.facts().image(NAME, Look(platform="linux/arm64"))
    assert fact is not None
    assert fact.fetch is not None
    assert fact.fetch["platform"] == "linux/arm64"


def test_offline_what_is_not_here_is_an_error_with_a_remedy(place: Place) -> None:
    with pytest.raises(RemoteError) as caught:
        place.facts(STACKUP_OFFLINE="1").image(NAME, Look())
    assert caught.value.code == "offline"
    assert place.net.requests == []
    assert place.facts(STACKUP_OFFLINE="1").image("sha256:" + "a" * 64, Look()) is None


def test_what_a_build_reads_is_stamped_before_it_is_read(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a change meanwhile would be taken for what was read."""
    folder = tmp_path / "context"
    files = [folder / name for name in ("Dockerfile", "f", ".dockerignore")]
    folder.mkdir()
    for path, text in zip(files, ("FROM scratch\nCOPY f /f\n", "one", "*\n!f\n"), strict=True):
        path.write_text(text)

    def edited_meanwhile(*words: Any) -> Outline:
        drawn = outline(*words)
        for path in files:
            path.write_text(path.read_text() + "\n")
        return drawn

    monkeypatch.setattr(foresight, "outline", edited_meanwhile)
    said: dict[str, Any] = {"args": {}, "labels": {}, "contexts": {}, "no_cache": False, "no_cache_filter": []}
    form = {**said, "name": "x", "context": str(folder), "dockerfile": "", "inline": None, "target": ""}
    noting = Noting(place.facts(), {}, lambda form: form)
    noting.built(form)
    assert [path.name for path in files if holds(str(path), noting.files[str(path)])] == []
