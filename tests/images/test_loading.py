"""Archives of images: what fits comes in whole, what does not leaves nothing."""

from __future__ import annotations

import gzip
import io
import os

import pytest

from stackup.errors import StackupError
from stackup.images.importer import architecture, import_rootfs
from stackup.images.loading import Loaded, load
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.images.tar import Limits
from tests.images import parcels as p
from tests.images import tarballs as t

OTHER = t.tarball(t.file("g", b"y"))
TEXT = p.config(p.LAYER, OTHER)


def loaded(store: Store, archive: bytes, limits: Limits | None = None) -> tuple[Loaded, ...]:
    with store.writing():
        return load(store, io.BytesIO(archive), "the archive", limits)


@pytest.mark.parametrize(
    "archive",
    [
        p.docker(TEXT, p.LAYER, OTHER),
        p.docker(TEXT, p.LAYER, OTHER, order="first"),
        p.oci(TEXT, p.LAYER, OTHER),
        gzip.compress(p.oci(TEXT, p.LAYER, OTHER)),
    ],
    ids=["docker", "docker, described first", "OCI", "OCI in gzip"],
)
def test_an_image_comes_in_with_its_names_from_a_pipe(store: Store, archive: bytes) -> None:
    (image,) = loaded(store, archive)
    assert image == Loaded(f"sha256:{p.sha(TEXT)}", ("docker.io/library/app:1",), ())
    assert [os.listdir(lower) for lower in store.layers(image.image_id)] == [["g"], ["f"]]
    assert list(store.tags()) == [], "whom a name names is somebody else's decision"
    assert problems(store, deep=True) == ()


def test_compressed_layers_and_links_between_them_are_followed(store: Store) -> None:
    packed, text = gzip.compress(p.LAYER), p.config(p.LAYER, p.LAYER)
    listing = b'[{"Config":"c.json","RepoTags":null,"Layers":["a/layer.tar","b/layer.tar"]}]'
    (image,) = loaded(
        store,
        t.tarball(
            t.file("a/layer.tar", packed),
            t.symlink("b/layer.tar", "../a/layer.tar"),
            t.file("c.json", text),
            t.file("manifest.json", listing),
        ),
    )
    assert image.references == ()
    assert len(store.layer_ids()) == 1


def test_of_an_index_the_manifest_for_this_machine_is_taken(store: Store) -> None:
    mine, foreign = p.config(p.LAYER), p.config(OTHER, variant="other")
    one, two = p.manifest(mine, p.LAYER), p.manifest(foreign, OTHER)
    nested = p.index(
        p.descriptor(two, platform={"os": "linux", "architecture": "made-up"}),
        p.descriptor(one, platform={"os": "linux", "architecture": architecture()}),
    )
    archive = t.tarball(
        *map(p.blob, (mine, foreign, one, two, nested, p.LAYER, OTHER)),
        t.file("index.json", p.index(p.descriptor(nested, **p.named("reg:5000/a:1")))),
    )
    (image,) = loaded(store, archive)
    assert image == Loaded(f"sha256:{p.sha(mine)}", ("reg:5000/a:1",), ())
    assert len(store.layer_ids()) == 1, "what belongs to no image of this machine is not kept"


ABOUT = p.manifest(TEXT, p.LAYER, OTHER)
BOTH = p.manifest(TEXT, p.LAYER, OTHER, manifests=[])
REFUSED = {
    "T11: another layer than the configuration lists": p.docker(TEXT, p.LAYER, p.LAYER),
    "T11: layers in another order": p.docker(TEXT, OTHER, p.LAYER),
    "T11: a layer too few": p.docker(TEXT, p.LAYER),
    "T11: a configuration that is not what its name says": p.docker(TEXT, p.LAYER, OTHER).replace(b'"linux"', b'"linvx"'),
    "T11: a blob that is not what its name says": p.oci(TEXT, p.LAYER, OTHER).replace(b'"linux"', b'"linvx"'),
    "T12: a manifest and an index at once": t.tarball(
        *map(p.blob, (TEXT, BOTH, p.LAYER, OTHER)), t.file("index.json", p.index(p.descriptor(BOTH)))
    ),
    "T1: an absolute name": t.tarball(t.file("/manifest.json", b"[]")),
    "T10: a name twice": t.tarball(t.file("manifest.json", b"[]"), t.file("manifest.json", b"[]")),
    "no blob behind a descriptor": t.tarball(t.file("index.json", p.index(p.descriptor(ABOUT)))),
    "no layer behind a manifest": t.tarball(*map(p.blob, (TEXT, ABOUT, OTHER)), t.file("index.json", p.index(p.descriptor(ABOUT)))),
    "links in a circle": t.tarball(
        t.symlink("a", "b"), t.symlink("b", "a"), t.file("manifest.json", b'[{"Config":"a","Layers":[]}]')
    ),
    "a bad name": p.docker(TEXT, p.LAYER, OTHER, tags=("UPPER CASE",)),
    "a description that is not JSON": t.tarball(t.file("manifest.json", b"[{")),
    "a description of another shape": t.tarball(t.file("manifest.json", b'{"a":1}')),
    "an index of another shape": t.tarball(t.file("index.json", b'{"manifests":[1]}')),
    "a digest that is a path": t.tarball(t.file("index.json", p.index({"digest": "sha256:../../etc/passwd"}))),
    "an index in an index without end": t.tarball(t.file("index.json", b'{"manifests":' * 3000)),
    "a root file system": t.tarball(t.file("etc/hostname", b"{}"), t.directory("bin")),
    "nothing": b"",
    "a layer that is hostile": p.docker(p.config(bad := t.tarball(t.file("../x", b"x"))), bad),
    "a layer cut short": p.docker(TEXT, p.LAYER, OTHER[:700]),
    "a description of many megabytes": t.tarball(t.file("manifest.json", b"[" + b" " * (5 << 20) + b"]")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_and_leaves_nothing(store: Store, name: str) -> None:
    with pytest.raises(StackupError):
        loaded(store, REFUSED[name])
    assert store.images() == []
    assert store.layer_ids() == []
    store.sweep()
    assert problems(store) == ()
    assert not store.aside_dir or os.listdir(store.aside_dir) == []


def test_t9_an_archive_may_not_be_larger_than_allowed(store: Store) -> None:
    archive = p.docker(p.config(large := t.tarball(t.file("f", b"\0" * (1 << 20)))), large)
    with pytest.raises(StackupError, match="more than"):
        loaded(store, gzip.compress(archive), Limits(size=1 << 18))


def test_one_bad_image_of_two_keeps_the_other_out_as_well(store: Store) -> None:
    good, bad = p.config(p.LAYER), p.config(OTHER)
    listing = b'[{"Config":"a.json","RepoTags":["a:1"],"Layers":["l.tar"]},{"Config":"b.json","RepoTags":["b:1"],"Layers":["l.tar"]}]'
    archive = t.tarball(
        t.file("l.tar", p.LAYER), t.file("a.json", good), t.file("b.json", bad), t.file("manifest.json", listing)
    )
    with pytest.raises(StackupError, match="layers in the archive"):
        loaded(store, archive)
    assert store.images() == []


def test_an_image_that_is_here_is_loaded_again_without_harm(store: Store) -> None:
    here = import_rootfs(store, io.BytesIO(p.LAYER), "here:1")
    (image,) = loaded(store, p.docker(p.config(p.LAYER), p.LAYER))
    assert image.image_id != here.id
    assert store.layer_ids() == [here.layer]
    assert loaded(store, p.docker(p.config(p.LAYER), p.LAYER)) == (image,)
