"""A bundle comes in whole and with everything proven, or not at all: whoever wrote it may have wanted something else."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from stackup.errors import StackInvalid, StackupError
from stackup.images.index import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from stackup.images.locked import Content, platform_of
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.project.lockfile import read
from stackup.project.resolve import load
from stackup.project.unbundle import Unbundled, unbundle
from tests.images import parcels as p
from tests.images import tarballs as t
from tests.project.shop import Shop

STACK = b"services: {web: {image: 'app:1'}, api: {build: ., volumes: [{type: image, source: 'app:1', target: /a}]}}\n"
CONFIG = p.config(p.LAYER)
IMAGE = f"sha256:{p.sha(CONFIG)}"
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": p.descriptor(CONFIG, mediaType=OCI_CONFIG), "layers": []}
).encode()
INDEX = json.dumps(
    {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [p.descriptor(MANIFEST, mediaType=OCI_MANIFEST)]}
).encode()
DIGEST = f"sha256:{p.sha(INDEX)}"
HERE = platform_of("")


def use(service: str = "web", **changes: Any) -> dict[str, Any]:
    honest = {"service": service, "reference": "app:1", "platform": HERE, "image": IMAGE, "digest": "", "built": False}
    return honest | changes


def origin(text: bytes, kind: str, **changes: Any) -> dict[str, Any]:
    honest = {
        "image": IMAGE,
        "digest": f"sha256:{p.sha(text)}",
        "media_type": kind,
        "repository": "docker.io/library/app",
    }
    return honest | changes


ORIGINS = [origin(MANIFEST, OCI_MANIFEST), origin(INDEX, OCI_INDEX)]
HONEST: dict[str, Any] = {
    "format": 1,
    "stack": "shop",
    "uses": [use(digest=DIGEST), use("api", reference="shop-api", built=True)],
    "origins": ORIGINS,
    "folder": "",
    "modes": {"run.sh": 0o755, "secret": 0o600},
    **{key: [] for key in ("files", "env_files", "profiles", "variables", "left")},
}
FILES = {"stack.yaml": STACK, "run.sh": b"#!/bin/sh\n", "secret": b"", "conf/a/b": b"x"}


def archive(*more: bytes, tree: dict[str, bytes] | None = None, **changes: Any) -> bytes:
    """An honest bundle with one thing changed."""
    about = p.manifest(CONFIG, p.LAYER)
    return t.tarball(
        t.file("stackup/bundle.json", json.dumps(HONEST | changes).encode()),
        *(t.file(f"stackup/files/{name}", text) for name, text in (FILES if tree is None else tree).items()),
        *more,
        p.blob(MANIFEST),
        p.blob(INDEX),
        t.file("index.json", p.index(p.descriptor(about))),
        *map(p.blob, (CONFIG, about, p.LAYER)),
    )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    (tmp_path / "stack.yaml").write_bytes(STACK)  # nobody's that comes in below
    folder = tmp_path / "home"
    (folder / "state").mkdir(0o700, parents=True)
    found = Shop(folder, environ={"STACKUP_OFFLINE": "1"})
    (folder / "stack.yaml").unlink()
    return found


def store(shop: Shop) -> Store:
    return Store(shop.layout.images_dir)


def bring(shop: Shop, data: bytes, directory: str = "") -> Unbundled:
    return unbundle(shop.session(), io.BytesIO(data), "the bundle", directory)


def test_files_and_images_come_in_and_a_lock_holds_them_together(shop: Shop) -> None:
    done = bring(shop, archive())
    folder = shop.folder / "shop"
    assert (done.folder, done.images, done.files, done.refused) == (str(folder), 1, 4, ())
    assert {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {
        "stack.yaml": 0o644, "run.sh": 0o755, "secret": 0o600, "conf/a/b": 0o644, "stackup.lock": 0o644,
    }  # fmt: skip
    session = shop.session()
    session.where.directory = str(folder)
    locked = read(session, load(session))
    assert locked is not None
    assert locked.names == {"docker.io/library/app:1": Content(DIGEST, {HERE: IMAGE})}
    assert locked.built == {"api": {HERE: IMAGE}}
    assert sorted(store(shop).tags()) == [
        ("docker.io/library/app:1", IMAGE),
        ("docker.io/library/shop-api:latest", IMAGE),
    ]
    assert store(shop).resolve(f"app:1@{DIGEST}") == IMAGE
    assert store(shop).digest_of("app:1") == DIGEST
    assert problems(store(shop), deep=True) == ()
    assert sorted(os.listdir(shop.folder)) == ["shop", "state"]


def test_it_goes_where_it_is_told_to_and_not_where_something_is(shop: Shop) -> None:
    (shop.folder / "there").mkdir()
    assert bring(shop, archive(), "there").folder == str(shop.folder / "there")
    with pytest.raises(StackupError, match="is there already"):
        bring(shop, archive(), "there")
    (shop.folder / "shop").write_text("mine")
    with pytest.raises(StackupError, match="is there already"):
        bring(shop, archive())
    assert (shop.folder / "shop").read_text() == "mine"
    with pytest.raises(StackupError, match="no such file"):
        bring(shop, archive(), "nowhere/at/all")
    assert sorted(os.listdir(shop.folder)) == ["shop", "state", "there"]


def test_a_stack_may_lie_beside_other_files_of_it(shop: Shop) -> None:
    tree = {"deploy/prod.yaml": STACK, "common/a.env": b"A=1"}
    said: dict[str, Any] = {"folder": "deploy", "files": ["prod.yaml"], "env_files": ["../common/a.env"]}
    bring(shop, archive(tree=tree, **said))
    assert (shop.folder / "shop/deploy/stackup.lock").exists()


def test_t17_no_name_is_taken_from_another_image(shop: Shop) -> None:
    other = store(shop).add_image(p.config().decode(), (), created=0.0)
    store(shop).tag(other, "app:1")
    assert bring(shop, archive()).refused == ("app:1",)
    assert store(shop).resolve("app:1") == other
    assert store(shop).resolve(f"app:1@{DIGEST}") == IMAGE


EVIL = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": p.descriptor(b"x", mediaType=OCI_CONFIG),
                   "layers": []}).encode()  # fmt: skip
ELSEWHERE = {
    **{f"stack {name!r}": archive(stack=name) for name in ("", "..", "../x", "/etc", "a b", "\0", "X", 5)},
    **{
        f"folder {name!r}": archive(folder=name)
        for name in ("..", "../..", "/", "/etc", "none", "a\0", "stack.yaml", 5)
    },
    **{
        f"file {name!r}": archive(t.file(f"stackup/files/{name}", b"x"))
        for name in ("../x", "../../x", "a/../../../x", "/etc/x", "stack.yaml", "stack.yaml/x", "conf/a")
    },
    **{
        f"{key} {name!r}": archive(**{key: [name]})
        for key in ("files", "env_files")
        for name in (
            "../stack.yaml",
            "../../stack.yaml",
            "/etc/passwd",
            "none.yaml",
            "a\0",
            "oci://127.0.0.1:1/a:1",
            "-",
        )
    },
    "a link": archive(t.symlink("stackup/files/link", "/etc/passwd")),
    "a link to write through": archive(t.symlink("stackup/files/d", "/tmp"), t.file("stackup/files/d/x", b"x")),
    "a hard link": archive(t.hardlink("stackup/files/hard", "stackup/bundle.json")),
    "a device": archive(t.block(b"stackup/files/dev", b"3", device=(1, 3))),
    "a long way down": archive(t.pax({"path": "stackup/files/" + "d/" * 2000 + "x"}), t.file("x", b"x")),
    "a name that is too long": archive(t.pax({"path": "stackup/files/" + "n" * 300}), t.file("x", b"x")),
    "a huge file": archive(t.block(b"stackup/files/huge", size=17 << 20)),
    "a file of eight exbibytes": archive(t.pax({"size": str(8 << 60)}), t.block(b"stackup/files/huge")),
    "many files": archive(*(t.file(f"stackup/files/{at}", bytes(15 << 20)) for at in range(5))),
    **{
        f"modes {modes!r}": archive(modes=modes) for modes in ({"a": 0o4755}, {"a": "x"}, {"a": True}, {"a": -1}, [], 5)
    },
}
LIES = {
    "no bundle": p.oci(CONFIG, p.LAYER),
    "another format": archive(format=2),
    "no format": archive(format=None),
    **{f"{key} missing": archive(**{key: None}) for key in HONEST if key != "format"},
    "more in a use": archive(uses=[use(more=1)]),
    "less in a use": archive(uses=[{"service": "web"}]),
    "types": archive(uses=[use(built="yes")]),
    "an image that is not there": archive(uses=[use(image="sha256:" + "a" * 64)]),
    "an image by its name": archive(uses=[use(image="app:1")]),
    "a service without an image": archive(uses=[use()]),
    "a built service without an image": archive(uses=[use(), use("other", reference="x", built=True)]),
    "another platform": archive(uses=[use(platform="linux/none"), use("api", platform="linux/none", built=True)]),
    "two images at once": archive(uses=[use(), use(image="sha256:" + "b" * 64)]),
    "a digest out of nowhere": archive(uses=[use(digest="sha256:" + "a" * 64), HONEST["uses"][1]]),
    "a digest without its manifest": archive(origins=[origin(b"{}", OCI_MANIFEST)]),
    "a manifest of another image": archive(p.blob(EVIL), origins=[origin(EVIL, OCI_MANIFEST)]),
    "an index of no manifest": archive(origins=ORIGINS[1:]),
    "a manifest under another digest": archive(origins=[*ORIGINS, origin(INDEX, OCI_MANIFEST)]),
    "a digest of another sort": archive(origins=[origin(MANIFEST, OCI_MANIFEST, digest="md5:abc")]),
    **{
        f"from {name!r}": archive(origins=[origin(MANIFEST, OCI_MANIFEST, repository=name), ORIGINS[1]])
        for name in ("", "..", "app", "docker.io/library/app:1", f"docker.io/library/app@{DIGEST}", "a b")
    },
    "an origin of an image that is not there": archive(origins=[*ORIGINS, origin(MANIFEST, OCI_MANIFEST, image="x")]),
    "a stack that is broken": archive(tree={"stack.yaml": b"services: ["}),
    "no stack": archive(tree={}),
    "no stack of that name": archive(tree={"other.yaml": STACK}),
    "a stack that needs more": archive(tree={"stack.yaml": STACK.replace(b"{web:", b"{db: {image: 'db:1'}, web:")}),
    "a mount that needs more": archive(tree={"stack.yaml": STACK.replace(b"source: 'app:1'", b"source: 'app:2'")}),
    "an image by another digest": archive(tree={"stack.yaml": STACK.replace(b"app:1", b"app@sha256:" + b"c" * 64)}),
    "a stack from elsewhere": archive(tree={"stack.yaml": b"include: ['oci://127.0.0.1:1/a/b:1']\n" + STACK}),
    "a layer of other bytes": archive().replace(b"x" + bytes(511), b"y" + bytes(511)),
    "deep JSON": archive(left=json.loads("[" * 500 + "]" * 500)),
}


def must_be_empty(shop: Shop) -> None:
    assert os.listdir(shop.folder) == ["state"]
    assert (store(shop).image_ids(), store(shop).layer_ids(), list(store(shop).tags())) == ([], [], [])
    assert os.listdir(store(shop).aside_dir) == []


@pytest.mark.parametrize("data", [*ELSEWHERE.values(), *LIES.values()], ids=[*ELSEWHERE, *LIES])
def test_what_lies_or_leads_elsewhere_leaves_nothing(shop: Shop, data: bytes) -> None:
    with pytest.raises(StackupError) as caught:
        bring(shop, data)
    assert caught.value.message
    assert caught.value.message.isprintable() or isinstance(caught.value, StackInvalid)
    must_be_empty(shop)


def test_a_bundle_that_was_cut_off_leaves_nothing(shop: Shop) -> None:
    data = archive()
    for end in (*range(0, len(data) - 512, 512), len(data) - 700, 100):
        with pytest.raises(StackupError):
            bring(shop, data[:end])
        must_be_empty(shop) if end else None
