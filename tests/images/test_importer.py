"""Root file systems from outside: every source, the same image; kills at any point, a sound store."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from stackup.errors import HostError, StackupError, UsageError
from stackup.images.importer import import_rootfs, limits_of
from stackup.images.refusal import ArchiveRefused
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.images.tar import Limits
from tests.images import tarballs as t
from tests.images.trees import snapshot

ARCHIVE = t.tarball(t.directory("bin"), t.file("bin/sh", b"#!", mode=0o755), t.symlink("sh", "bin/sh"))


def test_every_form_of_an_archive_is_the_same_image(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(ARCHIVE)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(ARCHIVE))
    (tmp_path / "a.tar.zst").write_bytes(zstandard.compress(ARCHIVE))
    sources = [io.BytesIO(ARCHIVE), *(str(tmp_path / name) for name in ("a.tar", "a.tar.gz", "a.tar.zst"))]
    assert len({import_rootfs(store, source, "app").id for source in sources}) == 1
    (lower,) = store.layers(store.resolve("app") or "")
    assert Path(lower, "bin/sh").read_bytes() == b"#!"


def test_a_pipe_is_read_to_its_end(store: Store) -> None:
    reader, writer = os.pipe()
    os.write(writer, ARCHIVE)
    os.close(writer)
    with open(reader, "rb", buffering=0) as source:
        image = import_rootfs(store, source, "app")
    assert store.resolve("app") == image.id


def test_a_directory_is_an_image_and_stays_as_it_is(store: Store, tmp_path: Path) -> None:
    (tmp_path / "rootfs/etc").mkdir(parents=True)
    (tmp_path / "rootfs/etc/motd").write_text("hello")
    (tmp_path / "rootfs/out").symlink_to("/etc")
    before = snapshot(tmp_path / "rootfs")
    first, second = (import_rootfs(store, str(tmp_path / "rootfs"), "app") for _ in range(2))
    assert first == second
    assert Path(store.layers(first.id)[0], "etc/motd").read_text() == "hello"
    assert snapshot(tmp_path / "rootfs") == before


def test_changes_become_the_configuration(store: Store) -> None:
    image = import_rootfs(store, io.BytesIO(ARCHIVE), "app", ['CMD ["sh"]', "ENV A=1", "USER nobody"])
    config = store.rootfs(image.id).config
    assert (config.cmd, config.user, config.env[-1]) == (("sh",), "nobody", "A=1")
    assert config.env[0].startswith("PATH=")


def test_what_is_wrong_with_the_request_is_said_before_anything_is_read(store: Store) -> None:
    for reference, changes in (("Bad Name", []), ("host", []), ("app", ["RUN ls"])):
        with pytest.raises(UsageError):
            import_rootfs(store, "/nonexistent", reference, changes)
    assert not os.path.exists(store.dir)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an archive",
        gzip.compress(b"neither", mtime=0),
        ARCHIVE[:700],
        gzip.compress(ARCHIVE, mtime=0)[:-9],
        zstandard.compress(ARCHIVE)[:-9],
    ],
)
def test_a_bad_archive_leaves_nothing(store: Store, content: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        import_rootfs(store, io.BytesIO(content), "app")
    assert [os.listdir(os.path.join(store.dir, name)) for name in ("aside", "layers", "images", "tags")] == [
        [],
        [],
        [],
        [],
    ]


def test_t9_a_bomb_stops_at_the_limit_and_gives_the_space_back(store: Store) -> None:
    bomb = gzip.compress(t.tarball(*(t.file(str(n), bytes(1 << 20)) for n in range(8))))
    with pytest.raises(ArchiveRefused, match="more than"):
        import_rootfs(store, io.BytesIO(bomb), "app", limits=Limits(size=3 << 20))
    assert os.listdir(os.path.join(store.dir, "aside")) == []


def test_no_archive_may_fill_the_disk(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        space = os.fstatvfs(fd)
        assert limits_of(fd).size < space.f_bavail * space.f_frsize
    finally:
        os.close(fd)


def test_the_store_does_not_swallow_itself(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="contains the image store"):
        import_rootfs(Store(str(tmp_path / "images")), str(tmp_path / "link"), "app")


def test_a_missing_file_is_named(store: Store) -> None:
    with pytest.raises(HostError, match=r"/nonexistent/x\.tar"):
        import_rootfs(store, "/nonexistent/x.tar", "app")


VICTIM = """
import io, sys, time
sys.path.insert(0, {cwd!r})
from stackup.images import importer
from stackup.images.store import Store
from tests.images import tarballs as t

ARCHIVE = b"".join(t.file(f"d{{n}}/f", b"x" * 4096) for n in range(400)) + t.END

def wait():
    sys.stdout.write("here\\n"); sys.stdout.flush(); sys.stdin.read()

class Halting(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > len(ARCHIVE) // 2:
            wait()
        return super().read(min(size, 65536))

class HaltingStore(Store):
    __slots__ = ()
    def add_image(self, *args, **rest):
        point == "layer" and wait()
        image_id = super().add_image(*args, **rest)
        point == "image" and wait()
        return image_id

point = sys.argv[1]
source = Halting(ARCHIVE) if point == "reading" else io.BytesIO(ARCHIVE)
importer.import_rootfs(HaltingStore({dir!r}), source, "app")
"""


@pytest.mark.slow
@pytest.mark.parametrize("point", ["reading", "layer", "image"])
def test_t50_a_kill_while_importing_leaves_a_sound_store(store: Store, point: str) -> None:
    code = VICTIM.format(cwd=os.getcwd(), dir=store.dir)
    victim = subprocess.Popen([sys.executable, "-c", code, point], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"here\n"
        assert not [problem for problem in problems(store) if "died" in problem]
        victim.kill()
    assert store.resolve("app") is None
    left = 2 if point == "reading" else 1  # who was writing, and its draft
    assert len([problem for problem in problems(store) if "died" in problem]) == left
    assert store.sweep() == left
    assert problems(store) == ()
    store.prune()
    assert [os.listdir(os.path.join(store.dir, name)) for name in ("aside", "layers", "images", "tags")] == [
        [],
        [],
        [],
        [],
    ]
    assert import_rootfs(store, io.BytesIO(ARCHIVE), "app").id == store.resolve("app")


PARALLEL = """
import io, sys
sys.path.insert(0, {cwd!r})
from stackup.images.importer import import_rootfs
from stackup.images.store import Store
from tests.images import tarballs as t
for round in range(5):
    archive = t.tarball(*(t.file(f"{{round}}-{{n}}", b"x") for n in range(50)))
    import_rootfs(Store({dir!r}), io.BytesIO(archive), f"app:{{round}}")
"""


@pytest.mark.slow
def test_many_processes_may_import_the_same_at_once(store: Store) -> None:
    code = PARALLEL.format(cwd=os.getcwd(), dir=store.dir)
    children = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [child.communicate(timeout=60)[1] for child in children]
    assert [child.returncode for child in children] == [0] * 4, errors
    assert problems(store) == ()
    assert (len(store.images()), len(os.listdir(os.path.join(store.dir, "layers")))) == (5, 5)


@pytest.mark.host
def test_every_error_is_ours_even_for_a_device_as_source(store: Store) -> None:
    with pytest.raises(StackupError):
        import_rootfs(store, "/dev/null", "app")
