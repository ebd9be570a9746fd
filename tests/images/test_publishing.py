"""What is added is whole or not there, and the same thing twice is there once."""

from __future__ import annotations

import io
import os

from stackup.images.importer import import_layer, import_rootfs
from stackup.images.publishing import write_json
from stackup.images.store import Store
from tests.images import tarballs as t


def test_identical_layers_of_two_images_are_one(store: Store) -> None:
    archive = t.tarball(t.file("f", b"x"))
    one = import_rootfs(store, io.BytesIO(archive), "one", ["LABEL a=1"])
    two = import_rootfs(store, io.BytesIO(archive), "two", ["LABEL a=2"])
    assert one.id != two.id
    assert one.layer == two.layer
    assert store.layer_ids() == [one.layer]


def test_a_record_that_others_have_added_to_keeps_what_they_added(store: Store) -> None:
    image = import_rootfs(store, io.BytesIO(t.tarball(t.file("f"))), "app")
    record = store.get(image.id)
    write_json(store, store.image_file(image.id), {**record, "manifest": "kept"})
    store.add_image(str(record["config_text"]), (image.layer,), created=99.0)
    assert store.get(image.id)["manifest"] == "kept"
    assert store.get(image.id)["created"] == record["created"]


def test_writing_leaves_nothing_aside(store: Store) -> None:
    with store.writing(), store.writing():
        import_layer(store, io.BytesIO(t.tarball(t.file("f"))))
        assert len(os.listdir(os.path.join(store.dir, "aside"))) == 2
    assert os.listdir(os.path.join(store.dir, "aside")) == []
