"""T50, T52, T53: a kill, a disk's refusal and a power cut at any write leave a store that is sound."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackup.images.soundness import problems
from stackup.images.store import Store

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of syncs of a real disk take minutes."""
    home = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(tmp_path)
    with tempfile.TemporaryDirectory(dir=home, prefix="stackup-test-") as folder:
        yield Path(folder)


def ran(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("word", ["kill", "ENOSPC", "EMFILE"])
def test_t50_t53_one_write_that_goes_wrong_leaves_a_sound_store_and_the_next_life_ends_well(
    memory: Path, word: str
) -> None:
    assert int(ran("tests.images.faults", str(memory), word)) > 100


def test_t52_a_power_cut_after_any_write_leaves_a_sound_store(memory: Path) -> None:
    assert int(ran("tests.images.powercut", str(memory))) > 300


SMALL_DISKS = """
import io, os, sys
from stackup.errors import HostError
from stackup.images.soundness import problems
from stackup.images.store import Store
from stackup.kernel import calls
from stackup.kernel.abi import CLONE_NEWNS, MS_PRIVATE, MS_REC
from tests.images.faults import in_child, life

place, archive = sys.argv[1], open(sys.argv[2], "rb").read()
calls.unshare(CLONE_NEWNS)
calls.mount("none", "/", "none", MS_REC | MS_PRIVATE)
full = whole = 0
for inodes in range(4, 64):
    calls.mount("small", place, "tmpfs", 0, f"size=1m,mode=700,nr_inodes={inodes}")
    store = Store(place + "/images")

    def body():
        try:
            life(store, archive)
        except HostError as error:
            assert "no space" in error.message and error.hint, error.message
            return 1
        return 0

    code = in_child(body)
    assert code in (0, 1), (inodes, code)
    full, whole = full + code, whole + (not code)
    wrong = problems(store, deep=True)
    assert not wrong, (inodes, wrong)
    store.prune(unused=True) if os.path.exists(store.dir + "/lock") else None
    calls.umount2(place, 0)
assert full > 10 and whole > 3, (full, whole)
"""


@pytest.mark.host
def test_t53_a_disk_that_fills_up_at_any_file_leaves_a_sound_store_that_can_be_pruned(memory: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    (memory / "mounted").mkdir()
    make = "import sys; from tests.images.faults import packed, keep; keep(packed(sys.argv[1]), sys.argv[2])"
    for words in (
        ("-c", make, str(memory / "made"), str(memory / "archive")),
        ("-c", SMALL_DISKS, str(memory / "mounted"), str(memory / "archive")),
    ):
        done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]


ADDING = """
import io, sys
from stackup.images.importer import import_rootfs
from stackup.images.store import Store
from tests.images import tarballs as t
for round in range(12):
    archive = t.tarball(*(t.file(f"{round}-{n}", b"x") for n in range(40)))
    import_rootfs(Store(sys.argv[1]), io.BytesIO(archive), f"app{sys.argv[2]}:{round % 3}")
"""
PRUNING = """
import sys
from stackup.images.store import Store
while not sys.stdin.closed and Store(sys.argv[1]).prune() is not None:
    sys.stdout.write("x"); sys.stdout.flush()
"""


def test_imports_of_the_same_layers_and_prunes_meanwhile_do_not_hurt_one_another(memory: Path) -> None:
    place = str(memory / "images")
    pruner = subprocess.Popen([sys.executable, "-c", PRUNING, place], cwd=ROOT, stdout=subprocess.PIPE)
    adders = [
        subprocess.Popen([sys.executable, "-c", ADDING, place, name], cwd=ROOT, stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    told = [adder.communicate(timeout=90)[1] for adder in adders]
    assert pruner.poll() is None, "it has come to grief"
    pruner.kill()
    assert pruner.communicate()[0].count(b"x") > 1
    assert [adder.returncode for adder in adders] == [0, 0], told
    store = Store(place)
    store.sweep()
    assert problems(store, deep=True) == ()
    store.prune()
    assert len(store.images()) == 3, "both have made the same images"
    assert len(store.layer_ids()) == 3
    assert {reference for reference, _ in store.tags()} == {
        f"docker.io/library/app{name}:{at}" for name in ("one", "two") for at in range(3)
    }
