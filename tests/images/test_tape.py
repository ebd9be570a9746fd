"""A layer's archive is made again byte for byte, whatever was in it."""

from __future__ import annotations

import io
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackup.errors import StackupError
from stackup.images.importer import import_layer
from stackup.images.store import Store
from stackup.images.tape import layer_archive
from tests.images import tarballs as t


def again(store: Store, layer: str) -> bytes:
    return b"".join(layer_archive(store, layer))


ODD = (
    t.directory("d"), t.file("d/f", b"x" * 70_000, mode=0o4755), t.file("./e", b""), t.symlink("l", "d/f"),
    t.hardlink("h", "d/f"), t.file(".wh.gone", b"with content"), t.file("d/.wh..wh..opq"), t.file("tail", b"y" * 513),
)  # fmt: skip


def test_an_archive_comes_back_with_every_byte_it_had(store: Store) -> None:
    archive = t.tarball(*ODD) + b"\0" * 9216
    layer, _ = import_layer(store, io.BytesIO(archive))
    assert again(store, layer) == archive
    assert layer == f"sha256:{sha256(archive).hexdigest()}"


def test_it_comes_back_uncompressed_and_from_a_gzip_too(store: Store) -> None:
    import gzip

    archive = t.tarball(t.file("f", os.urandom(300_000)))
    layer, _ = import_layer(store, io.BytesIO(gzip.compress(archive)))
    assert again(store, layer) == archive


@given(st.lists(st.binary(max_size=2000), max_size=8), st.integers(0, 20))
def test_any_contents_and_any_padding_come_back(
    tmp_path_factory: pytest.TempPathFactory, found: list[bytes], more: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("store") / "images"))
    archive = t.tarball(*(t.file(f"f{at}", content) for at, content in enumerate(found))) + b"\0" * 512 * more
    layer, _ = import_layer(store, io.BytesIO(archive))
    assert again(store, layer) == archive


def test_an_archive_that_says_a_thing_twice_has_no_way_back(store: Store) -> None:
    archive = t.tarball(t.file("f", b"1"), t.file("f", b"2"))
    layer, _ = import_layer(store, io.BytesIO(archive))
    assert not os.path.exists(os.path.join(store.layer_home(layer), "tape"))
    assert again(store, layer) != archive, "it is packed anew"


@pytest.mark.parametrize("harm", ["short", "garbage", "file", "gone"])
def test_damage_is_an_error_and_not_another_archive(store: Store, harm: str) -> None:
    layer, _ = import_layer(store, io.BytesIO(t.tarball(t.file("f", b"x" * 100_000))))
    tape, file = Path(store.layer_home(layer), "tape"), Path(store.layer_dir(layer), "f")
    if harm == "short":
        tape.write_bytes(tape.read_bytes()[:-3])
    elif harm == "garbage":
        tape.write_bytes(b"\x78\x01nonsense")
    elif harm == "file":
        file.write_bytes(b"x")
    else:
        file.unlink()
    with pytest.raises(StackupError):
        again(store, layer)
