"""What a self-check of the store finds."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from stackup.images.importer import Imported, import_rootfs
from stackup.images.soundness import Repair, problems, repair
from stackup.images.store import Store
from tests.images import tarballs as t


@pytest.fixture
def image(store: Store) -> Imported:
    return import_rootfs(store, io.BytesIO(t.tarball(t.file("f", b"x"))), "app")


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_sound_store_has_no_problems(store: Store, image: Imported) -> None:
    assert problems(store) == ()


def test_a_changed_configuration_is_found(store: Store, image: Imported) -> None:
    path = Path(store.dir, "images", f"{image.id[7:]}.json")
    text = json.loads(path.read_text())["config_text"]
    rewrite(path, config_text=text.replace('"linux"', '"linvx"'))
    assert "another configuration" in problems(store)[0]


def test_another_list_of_layers_is_found(store: Store, image: Imported) -> None:
    rewrite(Path(store.dir, "images", f"{image.id[7:]}.json"), layers=[])
    assert "other layers" in problems(store)[0]


def test_an_unreadable_record_is_found(store: Store, image: Imported) -> None:
    Path(store.dir, "images", f"{image.id[7:]}.json").write_text("[]")
    assert "cannot be read" in problems(store)[0]


def test_a_name_without_its_image_is_found(store: Store, image: Imported) -> None:
    os.unlink(os.path.join(store.dir, "images", f"{image.id[7:]}.json"))
    assert problems(store) == ('tag "docker.io/library/app:latest" names an image that is not here',)
    assert store.resolve("app") is None


def test_a_damaged_name_is_found(store: Store, image: Imported) -> None:
    next(Path(store.dir, "tags").iterdir()).write_text("")
    assert "a tag cannot be read" in problems(store)[0]


def test_a_layer_that_is_gone_or_half_there_is_found(store: Store, image: Imported) -> None:
    layer = Path(store.layer_dir(image.layer)).parent
    (layer / "layer.json").rename(layer / "other")
    assert [problem.split('"')[0] for problem in problems(store)] == ["image ", "layer "]


def test_litter_is_found_and_is_no_longer_after_a_sweep(store: Store, image: Imported) -> None:
    Path(store.dir, "aside", "0123").mkdir()
    Path(store.dir, "aside", "0123.json").touch()
    Path(store.dir, "layers", "strange").mkdir()
    assert len(problems(store)) == 3
    assert store.sweep() == 2
    assert len(problems(store)) == 1


def test_a_repair_takes_down_what_rested_on_the_broken_thing_and_nothing_else(store: Store, image: Imported) -> None:
    other = import_rootfs(store, io.BytesIO(t.tarball(t.file("g", b"y"))), "other")
    os.unlink(os.path.join(store.layer_home(image.layer), "layer.json"))
    Path(store.dir, "aside", "0123").mkdir()
    done = repair(store)
    assert [text.split(" ")[0] for text in done.removed] == ["image", "layer", "tag"]
    assert done.left == ()
    assert problems(store, deep=True) == ()
    assert os.listdir(os.path.join(store.dir, "aside")) == []
    assert [row["id"] for row in store.images()] == [other.id]
    assert repair(store) == Repair((), ())


def test_a_repair_leaves_what_a_container_is_made_of(store: Store, image: Imported) -> None:
    os.unlink(os.path.join(store.layer_home(image.layer), "layer.json"))
    done = repair(store, keep={image.id})
    assert done.removed == ()
    assert len(done.left) == 2
    assert os.path.isdir(store.layer_dir(image.layer))


def test_a_changed_file_in_a_layer_is_found_by_reading_everything(store: Store, image: Imported) -> None:
    Path(store.layer_dir(image.layer), "f").write_bytes(b"y")
    assert problems(store) == ()
    assert problems(store, deep=True) == (f'layer "{image.layer}" has another content than its id says',)
    assert len(repair(store, deep=True).removed) == 3
    assert store.images() == []
    assert problems(store, deep=True) == ()


def test_a_repair_of_no_store_makes_none(store: Store) -> None:
    assert repair(store) == Repair((), ())
    assert not os.path.exists(store.dir)


@pytest.mark.parametrize("place", ["images/strange", "layers/strange", "tags/strange", "tags/docker.io+x:1"])
def test_a_stranger_in_the_store_is_found_and_removed(store: Store, image: Imported, place: str) -> None:
    Path(store.dir, place).write_text('{"schema": 1, "reference": "docker.io/library/x:2", "image": "sha256:0"}')
    assert len(problems(store)) == 1
    assert len(repair(store).removed) == 1
    assert problems(store) == ()
    assert store.resolve("app") == image.id
