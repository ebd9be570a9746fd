"""The key of a state root: made once, private, whole, or refused; what is marked with it tells nothing without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stackup.errors import HostError
from stackup.kernel import keyfile
from tests.rules.tree import ROOT


def test_it_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"
    assert keyfile.read(str(path)) is None
    key = keyfile.need(str(path))
    assert len(key) == keyfile.SIZE
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfile.need(str(path)) == keyfile.read(str(path)) == key
    assert os.listdir(path.parent) == ["key"]


@pytest.mark.slow
def test_all_who_make_it_at_once_have_the_same(tmp_path: Path) -> None:
    program = "import sys; from stackup.kernel import keyfile; print(keyfile.need(sys.argv[1]).hex())"
    words = [sys.executable, "-c", program, str(tmp_path / "key")]
    makers = [subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(8)]
    assert len({maker.communicate()[0] for maker in makers}) == 1
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_one_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    keyfile.need(str(path))
    path.chmod(mode)
    with pytest.raises(HostError, match="others may read the key"):
        keyfile.need(str(path))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_one_that_is_not_whole_is_refused_and_not_made_anew(tmp_path: Path, size: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"x" * size)
    path.chmod(0o600)
    with pytest.raises(HostError, match="not whole"):
        keyfile.need(str(path))
    assert path.stat().st_size == size


def test_a_folder_or_a_pipe_is_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(HostError, match="not whole"):
            keyfile.read(str(tmp_path / name))


def test_a_fingerprint_is_of_the_bytes_and_of_the_key() -> None:
    one, two = b"1" * 32, b"2" * 32
    assert keyfile.fingerprint(one, b"a") == keyfile.fingerprint(one, b"a")
    assert len({keyfile.fingerprint(key, data) for key in (one, two) for data in (b"a", b"b", b"")}) == 6
    assert keyfile.sealing_key(one) not in (one, bytes.fromhex(keyfile.fingerprint(one, b"")))
