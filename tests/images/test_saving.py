"""What is saved is what others read, and what they write is loaded: with the real skopeo and podman where they are."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from stackup.errors import StackupError
from stackup.images.importer import import_layer, import_rootfs
from stackup.images.loading import load
from stackup.images.manifest import Image, ImageConfig
from stackup.images.saving import Wanted, chunks, pack
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.values import Digest
from tests.images import tarballs as t

NAME = "docker.io/library/app:1"


def saved(store: Store, *wanted: Wanted) -> bytes:
    return b"".join(chunks(store, pack(store, wanted)))


def two_layers(store: Store, name: str = NAME) -> str:
    layers = (
        t.tarball(t.file("f", b"x"), t.directory("d")),
        gzip.compress(t.tarball(t.file(".wh.f"), t.file("g", b"y"))),
    )
    ids = tuple(import_layer(store, io.BytesIO(layer))[0] for layer in layers)
    config = ImageConfig(env=("A=b",), cmd=("run",))
    image = store.add_image(Image(config, tuple(map(Digest.parse, ids)), "amd64").to_text(), ids, created=1.0)
    store.tag(image, name)
    return image


def test_what_was_saved_is_loaded_as_the_same_image_under_its_names(store: Store, tmp_path: Path) -> None:
    image = two_layers(store)
    other = import_rootfs(store, io.BytesIO(t.tarball(t.file("f", b"x"), t.directory("d"))), "other:2")
    archive = saved(store, Wanted(image, (NAME, "reg:5000/b:2")), Wanted(other.id, ()))
    assert saved(store, Wanted(image, (NAME, "reg:5000/b:2")), Wanted(other.id, ())) == archive
    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        names = found.getnames()
    assert len(names) == len(set(names)) == 2 + 3 + 4 + 2, "a layer that both have is in it once"
    copy = Store(str(tmp_path / "copy"))
    with copy.writing():
        one, two = load(copy, io.BytesIO(archive), "it")
    assert (one.image_id, one.references) == (image, (NAME, "reg:5000/b:2"))
    assert (two.image_id, two.references) == (other.id, ())
    assert copy.layer_ids() == store.layer_ids()
    assert problems(copy, deep=True) == ()


def test_a_layer_without_a_way_back_gets_another_digest_and_says_so(store: Store, tmp_path: Path) -> None:
    image = import_rootfs(store, io.BytesIO(t.tarball(t.file("f", b"1"), t.file("f", b"2"))), "app:1")
    parcel = pack(store, [Wanted(image.id, (NAME,))])
    assert parcel.renamed == (image.layer,)
    copy = Store(str(tmp_path / "copy"))
    with copy.writing():
        (found,) = load(copy, io.BytesIO(b"".join(chunks(store, parcel))), "it")
    assert found.image_id != image.id
    assert Path(copy.layers(found.image_id)[0], "f").read_bytes() == b"2"
    assert problems(copy, deep=True) == ()


def test_a_damaged_layer_is_known_before_a_byte_is_written(store: Store) -> None:
    image = two_layers(store)
    os.unlink(os.path.join(store.layers(image)[0], "g"))
    with pytest.raises(StackupError, match="damaged"):
        pack(store, [Wanted(image, (NAME,))])


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def skopeo() -> str:
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo is not installed: apt-get install skopeo")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("form", ["docker-archive:{}:app:1", "oci-archive:{}:app:1"])
def test_skopeo_reads_what_we_save_and_we_load_what_it_writes(
    store: Store, tmp_path: Path, skopeo: str, form: str
) -> None:
    image = two_layers(store)
    (tmp_path / "ours.tar").write_bytes(saved(store, Wanted(image, (NAME, "docker.io/library/second:2"))))
    source = form.format(tmp_path / "ours.tar")
    about = json.loads(run(skopeo, "inspect", "--config", source))
    assert about["config"]["Env"] == ["A=b"]
    assert about["rootfs"]["diff_ids"] == store.get(image)["layers"]
    for target in ("docker-archive:{}/theirs-docker.tar:app:3", "oci-archive:{}/theirs-oci.tar:app:3"):
        run(skopeo, "--insecure-policy", "copy", source, target.format(tmp_path))
    for name in ("theirs-docker.tar", "theirs-oci.tar"):
        copy = Store(str(tmp_path / f"store-of-{name}"))
        with copy.writing(), open(tmp_path / name, "rb") as file:
            (found,) = load(copy, file, name)
        assert found.references == ("docker.io/library/app:3",)
        assert copy.get(found.image_id)["layers"] == store.get(image)["layers"]
        if form.startswith("oci") or "docker" in name:  # from docker's form to OCI's it writes the configuration anew
            assert found.image_id == image
        assert problems(copy, deep=True) == ()


@pytest.mark.slow
@pytest.mark.host
def test_podman_reads_what_we_save_and_we_load_what_it_writes(store: Store, tmp_path: Path) -> None:
    podman = shutil.which("podman")
    if podman is None or os.geteuid() != 0:
        pytest.skip("podman is not installed, or this is not root")
    with tempfile.TemporaryDirectory(prefix="pm-") as live:  # podman takes no longer name than 50 characters
        conf = Path(live, "conf")
        conf.write_text('[engine]\nlock_type = "file"\n')  # else a lock of its own in /dev/shm stays behind
        env = ("env", f"CONTAINERS_CONF={conf}", podman, "--storage-driver", "vfs")
        both_ways(
            store, tmp_path, (*env, "--root", f"{live}/root", "--runroot", f"{live}/run", "--tmpdir", f"{live}/tmp")
        )


def both_ways(store: Store, tmp_path: Path, podman: tuple[str, ...]) -> None:
    image = two_layers(store)
    (tmp_path / "ours.tar").write_bytes(saved(store, Wanted(image, (NAME,))))
    run(*podman, "load", "-i", str(tmp_path / "ours.tar"))
    assert image.removeprefix("sha256:") in run(
        *podman, "images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"
    )
    assert "app:1" in run(*podman, "images", "--format", "{{.Repository}}:{{.Tag}}")
    for form in ("docker-archive", "oci-archive"):
        name = str(tmp_path / f"{form}.tar")
        run(*podman, "save", "--format", form, "-o", name, NAME)
        copy = Store(str(tmp_path / f"store-{form}"))
        with copy.writing(), open(name, "rb") as file:
            (found,) = load(copy, file, name)
        assert (found.image_id, found.references) == (image, (NAME,))
        assert problems(copy, deep=True) == ()
