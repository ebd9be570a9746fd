"""What builds keep is measured and goes, and what a build has at this moment stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackup.images.build.leftovers import Leftover, leftovers, remove
from stackup.images.build.request import StepSaid, Told
from stackup.images.soundness import problems
from tests.engines.yard import BASE, Site

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("own_host")]
TEXT = BASE + (
    "RUN --network=none --mount=type=cache,target=/c echo 12345 > /c/f; echo {} > /made\n"
    "RUN --network=none --mount=type=cache,target=/c read x < /c/f; echo $x\n"
)


def build_dir(site: Site) -> str:
    return os.path.join(site.layout.state, "build")


def found(site: Site) -> list[Leftover]:
    return leftovers(site.store, build_dir(site), ())


def kinds(rows: list[Leftover]) -> list[str]:
    return sorted(one.kind for one in rows)


def clear(site: Site) -> list[Leftover]:
    return remove(site.store, build_dir(site), found(site), ())


def fetched(site: Site) -> Path:
    path = Path(build_dir(site), "sources/0123")
    path.mkdir(parents=True, exist_ok=True)
    (path / "file").write_text("of a commit")
    return path


def test_steps_go_when_no_image_has_them_and_caches_and_contexts_at_any_time(site: Site) -> None:
    site.build(TEXT.format(1))
    assert kinds(found(site)) == ["cache"]
    image = site.build(TEXT.format(2))
    site.store.remove(site.store.image_ids()[0] if site.store.image_ids()[0] != image else site.store.image_ids()[1])
    path = fetched(site)
    rows = found(site)
    assert kinds(rows) == ["cache", "source", "step", "step"]
    assert all(one.size for one in rows if one.kind != "step")
    assert sorted(clear(site), key=str) == sorted(rows, key=str)
    assert not path.exists()
    assert found(site) == []
    assert problems(site.store) == ()
    assert site.build(TEXT.format(2)) == image
    assert site.made == []


def test_what_a_running_build_has_stays(site: Site) -> None:
    site.build(TEXT.format(1))
    site.store.remove(site.store.image_ids()[0])
    path = fetched(site)
    seen: list[list[str]] = []

    def pruned_meanwhile(told: Told) -> None:
        if isinstance(told, StepSaid):
            seen.append(kinds(clear(site)))

    site.watching = pruned_meanwhile
    slow = TEXT.replace("echo $x", "echo $x; read y < /c/f; echo $y; sleep 0.3; echo again")
    site.build(slow.format(2))
    assert site.said == ["12345", "12345", "again"]
    assert all("step" not in one and "source" not in one for one in seen)
    assert seen[0] == []
    assert path.exists()


def test_the_one_that_was_used_last_comes_last(site: Site) -> None:
    site.build(TEXT.format(1))
    site.store.remove(site.store.image_ids()[0])
    for one in found(site):
        os.utime(one.path, (1000, 1000))
    before = [one.name for one in found(site) if one.kind == "step"]
    site.build(BASE)
    site.store.remove(site.store.image_ids()[0])
    assert len(before) == 3
    after = found(site)[-1]
    assert after.name in before
    assert after.used > 1000
