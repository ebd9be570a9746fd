"""What may go and what stays, also while others are adding."""

from __future__ import annotations

import io
import os

import pytest

from stackup.errors import StackupError
from stackup.images.importer import Imported, import_layer, import_rootfs
from stackup.images.manifest import Image, ImageConfig
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.values import Data, Digest
from tests.images import tarballs as t


def an_image(store: Store, name: str, content: bytes = b"x") -> Imported:
    return import_rootfs(store, io.BytesIO(t.tarball(t.file("f", content))), name)


def test_a_layer_that_somebody_is_about_to_use_is_not_pruned(store: Store) -> None:
    with store.writing():
        layer, _ = import_layer(store, io.BytesIO(t.tarball(t.file("f"))))
        assert Store(store.dir).prune() == ((), ())
        image = store.add_image(Image(ImageConfig(), (Digest.parse(layer),), "amd64").to_text(), (layer,), created=1.0)
        assert Store(store.dir).prune(unused=True) == ((), ())
        store.tag(image, "app")
    assert store.prune() == ((), ())
    assert store.prune(unused=True) == ((image,), (layer,))


def test_a_prune_beside_a_writer_takes_old_images_and_leaves_their_layers_to_the_next(store: Store) -> None:
    image = an_image(store, "app")
    store.untag("app")
    os.utime(store.image_file(image.id), (1, 1))  # the kernel's clock has ticks: made in this one it would be young
    with store.writing():
        assert store.prune() == ((image.id,), ())
        assert store.has_layer(image.layer)
    assert store.prune() == ((), (image.layer,))


def test_an_image_that_is_added_again_counts_as_new(store: Store) -> None:
    image = an_image(store, "app")
    store.untag("app")
    with store.writing():
        text = str(store.get(image.id)["config_text"])
        assert store.add_image(text, (image.layer,), created=9.0) == image.id
        assert store.prune() == ((), ())
        store.tag(image.id, "again")
    assert store.resolve("again") == image.id


def test_who_is_in_use_is_asked_under_the_lock(store: Store) -> None:
    image = an_image(store, "app")
    assert store.prune(keep=lambda: {image.id}, unused=True) == ((), ())
    with pytest.raises(StackupError, match="in use"):
        store.remove(image.id, keep=lambda: {image.id})
    assert store.resolve("app") == image.id


def test_a_choice_is_made_by_the_record(store: Store) -> None:
    one, two = an_image(store, "one", b"1"), an_image(store, "two", b"2")

    def only(record: Data) -> bool:
        return record["id"] == one.id

    assert store.prune(unused=True, only=only) == ((one.id,), (one.layer,))
    assert [row["id"] for row in store.images()] == [two.id]


def test_a_writer_that_died_protects_nothing(store: Store) -> None:
    image = an_image(store, "app")
    os.mkdir(os.path.join(store.dir, "aside", "0123"))
    assert store.prune(unused=True) == ((image.id,), (image.layer,))
    store.sweep()
    assert problems(store) == ()
