"""A build's cache elsewhere: what one machine made, another takes, and nobody else is told lies by it."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stackup.engines.builtin.build_caches import Caches, caches_of
from stackup.errors import StackupError
from stackup.images.build.caching import KIND
from stackup.images.build.request import StepDone, Warned
from stackup.images.soundness import problems
from tests.conftest import OwnHost
from tests.engines.yard import BASE, Site
from tests.images import registries

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("own_host")]
NOW = "read x < /proc/uptime; echo $x"
TEXT = (
    BASE
    + f"FROM base AS maker\nRUN --network=none {NOW} > /made; echo > /f\nRUN --network=none rm /f; {NOW} > /more\n"
    + f"FROM base\nCOPY --from=maker /made /more /got/\nRUN --network=none {NOW} > /last; rm /got/more\n"
)
STEPS = 5


def folder(path: Path, **more: object) -> dict[str, object]:
    return {"kind": "local", "place": str(path), "tag": "latest", **more}


def caches(*sources: dict[str, Any], to: dict[str, Any] | None = None) -> Caches:
    targets = [{"every": False, "lenient": False, **to}] if to else []
    return caches_of({"cache_from": [*sources], "cache_to": targets}, {"HOME": "/nowhere"})


def written(site: Site, to: dict[str, Any], text: str = TEXT) -> str:
    return site.build(text, caches=caches(to=to))


def taken(site: Site, *sources: dict[str, Any], text: str = TEXT, **rest: object) -> str:
    return site.build(text, caches=caches(*sources), apart="these", **rest)


def warnings(site: Site) -> list[str]:
    return [told.text for told in site.told if isinstance(told, Warned)]


def steps(site: Site) -> list[str]:
    return [one for one in site.made if one]


@pytest.fixture
def cold(tmp_path: Path) -> Site:
    return Site(tmp_path / "cold")


def test_a_folder_brings_every_step_to_a_cold_machine(site: Site, cold: Site, tmp_path: Path) -> None:
    first = written(site, folder(tmp_path / "kept"))
    assert len(steps(site)) == STEPS
    image = taken(cold, folder(tmp_path / "kept"))
    assert (steps(cold), cold.said, warnings(cold)) == ([], [], [])
    assert (cold.top(image) / "last").read_text() == (site.top(first) / "last").read_text()
    assert cold.top(image).joinpath("got/more").is_char_device()  # gone, as an overlay says it
    assert problems(cold.store) == ()
    assert taken(cold, folder(tmp_path / "kept")) == image
    assert [told for told in cold.told if not isinstance(told, StepDone)] == []


def test_a_registry_brings_every_step_to_a_cold_machine(
    site: Site, cold: Site, own_host: OwnHost, tmp_path: Path
) -> None:
    place = {"kind": "registry", "place": f"{registries.serve(tmp_path / 'plain', 5000)}/team/app:cache", "tag": ""}
    first = written(site, place)
    image = taken(cold, place)
    assert (steps(cold), warnings(cold)) == ([], [])
    assert (cold.top(image) / "last").read_text() == (site.top(first) / "last").read_text()
    blobs = {path: path.stat().st_mtime_ns for path in (tmp_path / "plain/data").rglob("data")}
    assert written(site, place) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "plain/data").rglob("data")} == blobs


@pytest.mark.parametrize(("every", "made"), [(False, 4), (True, 2)])
def test_with_mode_max_the_steps_of_other_stages_are_kept_as_well(
    site: Site, cold: Site, tmp_path: Path, every: bool, made: int
) -> None:
    written(site, folder(tmp_path / "kept", every=every))
    taken(cold, folder(tmp_path / "kept"), text=TEXT.replace("COPY --from", "COPY --chmod=0600 --from"))
    assert len(steps(cold)) == made


def test_a_cache_is_believed_by_those_who_name_it_and_by_nobody_else(site: Site, cold: Site, tmp_path: Path) -> None:
    """Whoever writes a cache can say that a step makes anything."""
    evil, good = f"{BASE}COPY evil /x\n", f"{BASE}COPY good /x\n"
    for place in (site, cold):
        place.write("evil", "evil\n")
        place.write("good", "good\n")
    written(site, folder(tmp_path / "evil"), evil)
    written(site, folder(tmp_path / "good"), good)
    _exchange(tmp_path / "evil", _steps(tmp_path / "good"))
    image = taken(cold, folder(tmp_path / "evil"), text=good)
    assert (cold.top(image) / "x").read_text() == "evil\n"
    own = cold.build(good)
    assert (cold.top(own) / "x").read_text() == "good\n"
    assert own != image
    assert taken(cold, folder(tmp_path / "evil"), text=good) == image


@pytest.mark.parametrize("how", ["content", "short", "long", "diff id", "link", "pipe", "gone"])
def test_what_is_not_what_the_cache_says_is_not_kept(site: Site, cold: Site, tmp_path: Path, how: str) -> None:
    written(site, folder(tmp_path / "kept"), BASE)
    _spoil(tmp_path / "kept", how)
    taken(cold, folder(tmp_path / "kept"), text=BASE)
    (told,) = warnings(cold)
    assert told.startswith(f'a step is not taken from the cache "{tmp_path / "kept"}": ')
    assert len(steps(cold)) == 1
    assert problems(cold.store) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"architecture": "other"},
        {"steps": []},
        {"steps": {"sha256:" + "0" * 64: [9, "sha256:" + "0" * 64]}},
        {"steps": {"k": [0, "no digest"]}},
        {"steps": {"k": 1}},
        None,
    ],
)
def test_a_document_that_is_no_cache_of_ours_is_a_warning(
    site: Site, cold: Site, tmp_path: Path, change: dict[str, object] | None
) -> None:
    written(site, folder(tmp_path / "kept"), BASE)
    _rewrite(tmp_path / "kept", change)
    taken(cold, folder(tmp_path / "kept"), text=BASE)
    assert len(steps(cold)) == 1
    (told,) = warnings(cold)
    assert told.startswith(f'nothing is taken from the cache "{tmp_path / "kept"}": ')


def test_a_cache_that_is_not_there_is_a_warning(cold: Site, tmp_path: Path) -> None:
    nowhere = {"kind": "registry", "place": "127.0.0.1:1/app:cache", "tag": ""}
    (tmp_path / "empty").mkdir()
    taken(cold, nowhere, folder(tmp_path / "none"), folder(tmp_path / "empty"), text=BASE)
    assert len(steps(cold)) == 1
    assert len(warnings(cold)) == 3


def test_a_cache_that_cannot_be_written_is_an_error_unless_it_may_fail(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackupError, match="is not written") as caught:
        written(site, folder(tmp_path / "file"), BASE)
    assert "ignore-error" in caught.value.hint
    assert site.store.resolve("made") is not None
    written(site, folder(tmp_path / "file", lenient=True), BASE)
    assert len(warnings(site)) == 1


def test_without_the_cache_means_without_this_one_too(site: Site, cold: Site, tmp_path: Path) -> None:
    written(site, folder(tmp_path / "kept"))
    taken(cold, folder(tmp_path / "kept"), no_cache=True)
    assert len(steps(cold)) == STEPS


def test_several_caches_share_a_folder_and_the_first_that_has_a_step_gives_it(
    site: Site, cold: Site, tmp_path: Path
) -> None:
    written(site, folder(tmp_path / "kept", tag="one"), BASE + "WORKDIR /one\n")
    written(site, folder(tmp_path / "kept", tag="two"), BASE + "WORKDIR /two\n")
    both = folder(tmp_path / "kept", tag="one"), folder(tmp_path / "kept", tag="two")
    taken(cold, *both, text=BASE + "WORKDIR /two\n")
    assert steps(cold) == []
    taken(cold, *both, text=BASE + "WORKDIR /one\n")
    assert steps(cold) == []


def _blob(kept: Path, digest: str) -> Path:
    return kept / "blobs/sha256" / digest.removeprefix("sha256:")


def _manifest(kept: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A manifest, and its configuration."""
    (entry,) = json.loads((kept / "index.json").read_text())["manifests"]
    manifest = json.loads(_blob(kept, entry["digest"]).read_text())
    return manifest, json.loads(_blob(kept, manifest["config"]["digest"]).read_text())


def _steps(kept: Path) -> list[str]:
    """Its keys, by the number of their layers."""
    told = _manifest(kept)[1]["steps"]
    return sorted(told, key=lambda key: int(told[key][0]))


def _put(kept: Path, value: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(value).encode()
    digest = f"sha256:{sha256(text).hexdigest()}"
    _blob(kept, digest).write_bytes(text)
    return {"digest": digest, "size": len(text)}


def _publish(kept: Path, manifest: dict[str, Any], told: dict[str, Any]) -> None:
    manifest["config"] |= _put(kept, told)
    index = json.loads((kept / "index.json").read_text())
    index["manifests"][0] |= _put(kept, manifest)
    (kept / "index.json").write_text(json.dumps(index))


def _exchange(kept: Path, keys: list[str]) -> None:
    """Other steps' keys for the layers that are there: those that name the same file come first."""
    manifest, told = _manifest(kept)
    assert manifest["config"]["mediaType"] == KIND
    mine = set(told["steps"])
    (other,) = set(keys) - mine
    (own,) = mine - set(keys)
    told["steps"][other] = told["steps"].pop(own)
    _publish(kept, manifest, told)


def _rewrite(kept: Path, change: dict[str, object] | None) -> None:
    manifest, told = _manifest(kept)
    if change is None:
        manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json"
    _publish(kept, manifest, told | (change or {}))


def _spoil(kept: Path, how: str) -> str:
    """The largest layer is another one than the cache says."""
    manifest, told = _manifest(kept)
    layer = max(manifest["layers"], key=lambda one: int(one["size"]))
    path = _blob(kept, layer["digest"])
    content = path.read_bytes()
    if how == "diff id":
        told["steps"] = {key: [number, f"sha256:{'0' * 64}"] for key, (number, _) in told["steps"].items()}
        _publish(kept, manifest, told)
        return how
    path.unlink()
    if how == "link":
        path.symlink_to("/bin/busybox")
    elif how == "pipe":
        os.mkfifo(path)
    elif how != "gone":
        middle = len(content) // 2
        other = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes({"content": other, "short": content[:-1], "long": content + b"x"}[how])
    return str(path)
