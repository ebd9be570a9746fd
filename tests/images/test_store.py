"""The store: names, images and layers that are whole or not there."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stackup.errors import HostError, StackupError, UsageError
from stackup.images.importer import Imported, import_layer, import_rootfs
from stackup.images.manifest import Image, ImageConfig
from stackup.images.soundness import problems
from stackup.images.store import Store, read_json
from stackup.values import Digest
from tests.images import tarballs as t


def an_image(store: Store, name: str, content: bytes = b"x") -> Imported:
    return import_rootfs(store, io.BytesIO(t.tarball(t.file("f", content))), name)


def layered(store: Store, *layers: bytes) -> str:
    ids = tuple(import_layer(store, io.BytesIO(layer))[0] for layer in layers)
    image = Image(ImageConfig(), tuple(Digest.parse(layer) for layer in ids), "amd64")
    return store.add_image(image.to_text(), ids, created=1.0)


def test_reading_an_absent_store_finds_nothing_and_makes_nothing(store: Store) -> None:
    assert store.resolve("alpine") is None
    assert store.images() == []
    assert problems(store) == ()
    assert not os.path.exists(store.dir)


def test_an_image_is_found_by_every_name_it_has(store: Store) -> None:
    image = an_image(store, "app:1")
    hexadecimal = image.id.removeprefix("sha256:")
    for name in (
        "app:1",
        "docker.io/library/app:1",
        image.id,
        hexadecimal,
        hexadecimal[:12],
        f"sha256:{hexadecimal[:12]}",
    ):
        assert store.resolve(name) == image.id, name
    assert store.resolve("app") is None
    assert store.resolve("sha256:" + "0" * 64) is None


def test_a_beginning_that_fits_two_images_is_refused(store: Store) -> None:
    an_image(store, "a")
    (Path(store.dir) / "images" / ("abcd" + "0" * 60 + ".json")).write_text("{}")
    (Path(store.dir) / "images" / ("abcd" + "1" * 60 + ".json")).write_text("{}")
    with pytest.raises(StackupError, match="several"):
        store.resolve("abcd")


def test_a_tag_moves_and_goes(store: Store) -> None:
    one, two = an_image(store, "app", b"1"), an_image(store, "app", b"2")
    assert store.resolve("app") == two.id != one.id
    assert store.untag("app")
    assert not store.untag("app")
    assert store.resolve("app") is None


def test_a_very_long_name_is_a_tag_like_others(store: Store) -> None:
    name = "registry.example.com:5000/" + "/".join(["path" * 10] * 5) + ":" + "t" * 128
    image = an_image(store, name)
    assert store.resolve(name) == image.id
    assert [reference for reference, _ in store.tags()] == [name]


def test_a_listing_has_the_newest_first_with_its_names(store: Store) -> None:
    old, new = an_image(store, "old", b"1"), an_image(store, "new:1", b"22")
    store.tag(new.id, "new:2")
    rows = [(row["id"], row["tags"], row["size"], row["layers"]) for row in store.images()]
    assert rows == [
        (new.id, ["docker.io/library/new:1", "docker.io/library/new:2"], 2, 1),
        (old.id, ["docker.io/library/old:latest"], 1, 1),
    ]


def test_lowers_are_the_top_layer_first(store: Store) -> None:
    image = layered(store, t.tarball(t.file("bottom")), t.tarball(t.file("top")))
    assert [os.listdir(lower) for lower in store.layers(image)] == [["top"], ["bottom"]]
    found = store.rootfs(image)
    assert (found.lowers, found.config, found.id, found.binds) == (store.layers(image), ImageConfig(), image, ())


def test_a_layer_whose_root_is_opaque_is_the_last_lower(store: Store) -> None:
    image = layered(
        store, t.tarball(t.file("hidden")), t.tarball(t.file(".wh..wh..opq"), t.file("seen")), t.tarball(t.file("top"))
    )
    assert [os.listdir(lower) for lower in store.layers(image)] == [["top"], ["seen"]]


def test_an_image_of_missing_layers_is_not_published(store: Store) -> None:
    with pytest.raises(StackupError, match="not in the store"):
        store.add_image(Image(ImageConfig(), (), "amd64").to_text(), ("sha256:" + "0" * 64,), created=0)
    assert store.images() == []


@pytest.mark.parametrize("image_id", ["sha256:" + "0" * 64, "sha256:../../etc", "nonsense"])
def test_an_unknown_id_is_an_error_and_never_a_path(store: Store, image_id: str) -> None:
    with pytest.raises(StackupError):
        store.get(image_id)


def test_removing_an_image_takes_its_names_and_only_its_own_layers(store: Store) -> None:
    shared = t.tarball(t.file("shared"))
    one, two = layered(store, shared, t.tarball(t.file("one"))), layered(store, shared, t.tarball(t.file("two")))
    store.tag(one, "one")
    removed = store.remove(one)
    assert len(removed) == 1
    assert store.resolve("one") is None
    assert [os.listdir(lower) for lower in store.layers(two)] == [["two"], ["shared"]]
    assert problems(store) == ()


def test_an_image_in_use_stays(store: Store) -> None:
    image = an_image(store, "app")
    with pytest.raises(StackupError, match="in use"):
        store.remove(image.id, keep={image.id})
    store.untag("app")
    assert store.prune(keep={image.id}, unused=True) == ((), ())
    assert store.prune() == ((image.id,), (image.layer,))
    assert os.listdir(os.path.join(store.dir, "layers")) == []


def test_a_layer_in_use_stays_without_its_image(store: Store) -> None:
    layer, _ = import_layer(store, io.BytesIO(t.tarball(t.file("f"))))
    assert store.prune(keep={layer}) == ((), ())
    assert store.prune() == ((), (layer,))


def test_pruning_keeps_what_has_a_name_unless_asked(store: Store) -> None:
    image = an_image(store, "app")
    assert store.prune() == ((), ())
    assert store.prune(unused=True) == ((image.id,), (image.layer,))


def test_a_draft_that_is_not_committed_leaves_nothing(store: Store) -> None:
    with store.draft() as draft:
        os.mkdir("d", dir_fd=draft.fs_fd)
    assert os.listdir(os.path.join(store.dir, "aside")) == []


def test_a_draft_at_work_is_not_swept(store: Store) -> None:
    with store.draft() as draft:
        assert store.sweep() == 0
        assert Store(store.dir).sweep() == 0
        assert problems(store) == ()
        os.mkdir("still-here", dir_fd=draft.fs_fd)


def test_the_first_of_two_writers_of_one_layer_wins(store: Store) -> None:
    layer = "sha256:" + "a" * 64
    with store.draft() as first, store.draft() as second:
        os.mkdir("first", dir_fd=first.fs_fd)
        os.mkdir("second", dir_fd=second.fs_fd)
        first.commit(layer, size=0)
        second.commit(layer, size=0)
    assert os.listdir(store.layer_dir(layer)) == ["first"]
    assert os.listdir(os.path.join(store.dir, "aside")) == []


def test_a_layer_without_its_marker_is_made_good(store: Store) -> None:
    image = an_image(store, "app")
    os.unlink(os.path.join(os.path.dirname(store.layer_dir(image.layer)), "layer.json"))
    assert len(problems(store)) == 2
    assert an_image(store, "app") == image
    store.sweep()
    assert problems(store) == ()


def test_the_store_is_for_its_owner_only(store: Store) -> None:
    an_image(store, "app")
    assert stat.S_IMODE(os.stat(store.dir).st_mode) == 0o700


def test_a_damaged_record_is_an_error_with_its_path(store: Store) -> None:
    image = an_image(store, "app")
    path = Path(store.dir) / "images" / f"{image.id[7:]}.json"
    path.write_text("{")
    with pytest.raises(StackupError, match="damaged"):
        store.get(image.id)


def test_notes_of_other_modules_are_kept(store: Store) -> None:
    assert store.read_note("host.json") is None
    store.write_note("host.json", {"layer": "sha256:" + "0" * 64})
    assert store.read_note("host.json") == {"schema": 1, "layer": "sha256:" + "0" * 64}


def test_a_word_that_is_no_reference_is_the_users_mistake(store: Store) -> None:
    with pytest.raises(UsageError):
        store.resolve("Not A Reference")


def test_resolving_and_listing_load_nothing_dear(store: Store) -> None:
    an_image(store, "app")
    dear = {"dataclasses", "typing", "pathlib", "subprocess", "hashlib", "ctypes.util", "zstandard", "isal"}
    code = (
        f"import sys; sys.path.insert(0, {os.getcwd()!r})\n"
        "from stackup.images.store import Store\n"
        f"store = Store({store.dir!r}); store.images(); assert store.resolve('app')\n"
        f"print(sorted({dear!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


FULL_DISK = """
import io, os, sys
sys.path.insert(0, {cwd!r})
from stackup.errors import HostError
from stackup.images.importer import import_rootfs
from stackup.images.soundness import problems
from stackup.images.store import Store, read_json
from stackup.images.tar import Limits
from stackup.kernel import calls
from stackup.kernel.abi import CLONE_NEWNS, MS_PRIVATE, MS_RDONLY, MS_REC, MS_REMOUNT
from tests.images import tarballs as t

calls.unshare(CLONE_NEWNS)
calls.mount("none", "/", "none", MS_REC | MS_PRIVATE)
calls.mount("small", {target!r}, "tmpfs", 0, "size=1m,mode=700")
store = Store({target!r} + "/images")
import_rootfs(store, io.BytesIO(t.tarball(t.file("f", b"x"))), "small")
free = os.statvfs({target!r}).f_bavail
large = t.tarball(*(t.file(str(n), b"x" * 65536) for n in range(40)))

def refused():
    try:
        import_rootfs(store, io.BytesIO(large), "large", limits=Limits())
    except HostError as error:
        return error
    raise SystemExit("it was not refused")

full = refused()
assert "no space" in full.message and full.hint, full
assert os.statvfs({target!r}).f_bavail == free, (os.statvfs({target!r}).f_bavail, free)
assert problems(store) == () and store.resolve("large") is None
calls.mount("none", {target!r}, "tmpfs", MS_REMOUNT | MS_RDONLY, "")
assert "read-only" in refused().message
assert store.resolve("small") and len(store.images()) == 1
calls.mount("none", {target!r}, "tmpfs", MS_REMOUNT, "size=20m")
import_rootfs(store, io.BytesIO(large), "large")
assert problems(store) == () and store.resolve("large")
"""


@pytest.mark.host
@pytest.mark.slow
def test_a_full_and_a_read_only_disk_leave_the_store_sound(tmp_path: Path) -> None:
    target = tmp_path / "small"
    target.mkdir()
    code = FULL_DISK.format(cwd=os.getcwd(), target=str(target))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError) as caught:
        an_image(Store(str(tmp_path / "file/images")), "app")
    assert str(tmp_path / "file/images") in caught.value.message


def test_records_are_plain_json_with_a_format_version(store: Store) -> None:
    image = an_image(store, "app")
    record = json.loads((Path(store.dir) / "images" / f"{image.id[7:]}.json").read_text())
    assert record["schema"] == 1
    assert record["layers"] == record["lowers"] == [image.layer]


OVERLAID = """
import io, os, sys
sys.path.insert(0, {cwd!r})
from stackup.images.importer import import_layer
from stackup.images.manifest import Image, ImageConfig
from stackup.images.store import Store, read_json
from stackup.kernel import calls
from stackup.kernel.abi import CLONE_NEWNS, MS_PRIVATE, MS_REC
from stackup.values import Digest
from tests.images import tarballs as t

calls.unshare(CLONE_NEWNS)
calls.mount("none", "/", "none", MS_REC | MS_PRIVATE)
calls.mount("work", {work!r}, "tmpfs", 0)
os.chdir({work!r})
for name in ("lower", "upper", "work", "base", "root"):
    os.mkdir(name)
if sys.argv[1] == "overlay":
    calls.mount("overlay", "base", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work")
store = Store({work!r} + "/base/images")
below = t.tarball(*(t.file(name, b"below") for name in ("gone", "d/gone", "d/kept", "hidden/gone", "twice/gone", "both/gone", "both/x")))
above = t.tarball(
    t.file(".wh.gone"), t.file("d/.wh.gone"), t.directory("hidden"), t.file("hidden/.wh..wh..opq"), t.file("hidden/.wh.gone"),
    t.file("hidden/new", b"above"), t.file(".wh.twice"), t.file("twice/new", b"above"), t.file("twice/.wh.gone"),
    t.file("both/.wh.gone"),
)
ids = tuple(import_layer(store, io.BytesIO(layer))[0] for layer in (below, above))
image = store.add_image(Image(ImageConfig(), tuple(map(Digest.parse, ids)), "amd64").to_text(), ids, created=0)
calls.mount("overlay", "root", "overlay", 0, "lowerdir=" + ":".join(store.layers(image)))
for top, _, files in sorted(os.walk("root")):
    for name in sorted(files):
        sys.stdout.write(os.path.relpath(os.path.join(top, name), "root") + " ")
"""


@pytest.mark.host
@pytest.mark.slow
@pytest.mark.parametrize("store_on", ["tmpfs", "overlay"])
def test_an_overlay_of_the_layers_shows_what_the_archives_say(tmp_path: Path, store_on: str) -> None:
    work = tmp_path / "mounted"
    work.mkdir()
    code = OVERLAID.format(cwd=os.getcwd(), work=str(work))
    done = subprocess.run([sys.executable, "-c", code, store_on], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["both/x", "d/kept", "hidden/new", "twice/new"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": 2}', "\udcff"])
def test_a_damaged_file_and_one_of_another_version_are_errors(tmp_path: Path, content: str) -> None:
    (tmp_path / "x").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(StackupError, match="damaged"):
        read_json(str(tmp_path / "x"))
