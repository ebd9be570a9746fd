"""What we push is what others pull: skopeo takes it out again, byte for byte where it came from a registry."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from stackup.errors import RemoteError, UsageError
from stackup.images.importer import import_rootfs
from stackup.images.index import Platform
from stackup.images.pull import Puller, find
from stackup.images.push import PIECE, Pushed, Pusher
from stackup.images.reference import parse
from stackup.images.soundness import problems
from stackup.images.store import Store
from tests.conftest import OwnHost
from tests.images import registries as r
from tests.images import tarballs as t

pytestmark = [pytest.mark.host, pytest.mark.slow]
AMD64 = Platform("linux", "amd64")


def push(home: Path, store: Store, name: str) -> Pushed:
    return Pusher(store, r.client_of(home), parse(name)).push()


def pull(home: Path, store: Store, name: str) -> str:
    return Puller(store).pull(find(r.client_of(home), parse(name), AMD64))


def taken_out(registry: str, name: str, folder: Path) -> list[dict[str, bytes]]:
    """The layers that skopeo gets, verified by it: path to content."""
    r.skopeo("copy", "--src-tls-verify=false", f"docker://{registry}/{name}", f"dir:{folder}")
    manifest = json.loads((folder / "manifest.json").read_text())
    layers = []
    for layer in manifest["layers"]:
        with tarfile.open(folder / layer["digest"].removeprefix("sha256:")) as archive:
            files = [item for item in archive if item.isfile()]
            layers.append({item.name: archive.extractfile(item).read() for item in files})  # type: ignore[union-attr]
    return layers


def test_a_folder_becomes_what_others_pull(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    plain = r.serve(tmp_path / "plain", 5000)
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/motd").write_text("hello")
    (tmp_path / "root/big").write_bytes(os.urandom(2 * PIECE + 12345))
    made = import_rootfs(store, str(tmp_path / "root"), f"{plain}/team/app:1", ['CMD ["sh"]'])
    pushed = push(tmp_path, store, f"{plain}/team/app:1")
    assert (pushed.image_id, pushed.changed) == (made.id, False)
    (layer,) = taken_out(plain, "team/app:1", tmp_path / "out")
    assert layer["etc/motd"] == b"hello"
    assert layer["big"] == (tmp_path / "root/big").read_bytes()
    assert store.digest_of(f"{plain}/team/app:1") == pushed.digest
    assert problems(store) == ()
    other = Store(str(tmp_path / "other"))
    assert pull(tmp_path, other, f"{plain}/team/app:1") == made.id


def test_a_second_push_sends_no_layer(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    plain = r.serve(tmp_path / "plain", 5000)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_text("x")
    made = import_rootfs(store, str(tmp_path / "root"), f"{plain}/app:1")
    first = push(tmp_path, store, f"{plain}/app:1")
    store.tag(made.id, f"{plain}/app:2")
    blobs = {path: path.stat().st_mtime_ns for path in (tmp_path / "plain/data").rglob("data")}
    assert push(tmp_path, store, f"{plain}/app:2") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "plain/data").rglob("data")} == blobs


def test_an_archive_that_is_packed_otherwise_has_another_id_there(
    own_host: OwnHost, tmp_path: Path, store: Store
) -> None:
    """One that names a file twice leaves no way back to it."""
    plain = r.serve(tmp_path / "plain", 5000)
    (tmp_path / "a.tar").write_bytes(t.tarball(t.file("z", b"z"), t.file("a", b"old"), t.file("a", b"a")))
    made = import_rootfs(store, str(tmp_path / "a.tar"), f"{plain}/app:1")
    pushed = push(tmp_path, store, f"{plain}/app:1")
    assert pushed.changed
    assert pushed.image_id != made.id
    assert taken_out(plain, "app:1", tmp_path / "out") == [{"a": b"a", "z": b"z"}]
    assert pull(tmp_path, Store(str(tmp_path / "other")), f"{plain}/app:1") == pushed.image_id


def test_an_archive_that_was_imported_is_pushed_as_it_was(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    plain = r.serve(tmp_path / "plain", 5000)
    (tmp_path / "a.tar").write_bytes(t.tarball(t.file("z", b"z"), t.file("a", b"a")))
    made = import_rootfs(store, str(tmp_path / "a.tar"), f"{plain}/app:1")
    pushed = push(tmp_path, store, f"{plain}/app:1")
    assert (pushed.changed, pushed.image_id) == (False, made.id)


def test_what_was_pulled_is_pushed_byte_for_byte(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    """To another repository by mounting, to another registry by carrying over; our own store has no blobs."""
    here, there = r.serve(tmp_path / "here", 5000), r.serve(tmp_path / "there", 5001)
    r.put_in(r.layout(tmp_path / "one"), here, "one/app:1", "--format=v2s2")
    image = pull(tmp_path, store, f"{here}/one/app:1")
    digest = store.digest_of(f"{here}/one/app:1")
    for name in (f"{here}/two/app:1", f"{there}/app:1"):
        store.tag(image, name)
        assert push(tmp_path, store, name) == Pushed(digest, image, False)
        registry, _, path = name.partition("/")
        seen = json.loads(r.skopeo("inspect", "--tls-verify=false", f"docker://{registry}/{path}"))
        assert seen["Digest"] == digest
        folder = tmp_path / name.translate(str.maketrans("/:", "--"))
        assert taken_out(registry, path, folder) == [{"hello": b"hello"}]


def test_a_layer_whose_registry_has_gone_is_packed(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    here, there = r.serve(tmp_path / "here", 5000), r.serve(tmp_path / "there", 5001)
    r.put_in(r.layout(tmp_path / "one"), here, "app:1")
    image = pull(tmp_path, store, f"{here}/app:1")
    for path in (tmp_path / "here/data").rglob("_layers"):
        path.rename(f"{path}.gone")
    store.tag(image, f"{there}/app:1")
    push(tmp_path, store, f"{there}/app:1")
    assert taken_out(there, "app:1", tmp_path / "out") == [{"hello": b"hello"}]


def test_a_push_shows_its_login_and_its_token(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    behind = r.serve(tmp_path / "plain", 5000)
    closed = r.serve(tmp_path / "login", 5001, login=True)
    door, asked = r.serve_tokens(behind, 5002)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_text("x")
    for registry in (closed, door):
        import_rootfs(store, str(tmp_path / "root"), f"{registry}/app:1")
        with pytest.raises(RemoteError) as caught:
            push(tmp_path, store, f"{registry}/app:1")
        assert caught.value.code == "denied"
        r.log_in(tmp_path, registry)
        push(tmp_path, store, f"{registry}/app:1")
    assert asked[-1].endswith("scope=repository%3Aapp%3Apull%2Cpush")
    assert taken_out(behind, "app:1", tmp_path / "out") == [{"file": b"x"}]


def test_what_is_not_here_cannot_be_pushed(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    with pytest.raises(UsageError, match="no such image"):
        push(tmp_path, store, "127.0.0.1:5000/app:1")


def test_podman_runs_on_what_we_push(own_host: OwnHost, tmp_path: Path, store: Store) -> None:
    """It verifies the layers against the configuration as it unpacks them."""
    r.need("podman")
    plain = r.serve(tmp_path / "plain", 5000)
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/motd").write_text("hello")
    (tmp_path / "root/link").symlink_to("etc/motd")
    made = import_rootfs(store, str(tmp_path / "root"), f"{plain}/app:1")
    push(tmp_path, store, f"{plain}/app:1")
    roots = ["--root", f"{tmp_path}/podman", "--runroot", "/run/podman", "--storage-driver", "vfs"]
    words = ["podman", *roots, "pull", "-q", "--tls-verify=false", f"{plain}/app:1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == made.id.removeprefix("sha256:"), done.stderr
