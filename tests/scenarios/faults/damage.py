"""Each file of a running stack's state is emptied, cut, garbled or taken away in turn; then the next command is asked.

A program: `python -m tests.scenarios.faults.damage`, for every kind of harm to every file; the suite tries some.
"""

from __future__ import annotations

import os
import random
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.apart import run_apart
from tests.scenarios.faults import matrix
from tests.scenarios.faults.matrix import KEPT, Site

HARMS: Mapping[str, Callable[[bytes], bytes | None]] = {
    "emptied": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "garbled": lambda data: random.Random(1).randbytes(len(data)),
    "gone": lambda _: None,
}
NOT_OURS = {"upper", "work", "merged", "fs"}
"""Directories with what belongs to a container or an image: `image fsck` looks at those."""
REFUSED = ("state/key",)
"""What cannot be made again: a command that needs it says so, and nothing was changed."""
RESTARTED = ("/seccomp",)
"""What a running container would need for a program that enters it; it is there again after the next start."""
SAYING = ("record.json", "status.json")


def files(site: Site) -> Iterator[Path]:
    """All of ours, in both roots. A pinned namespace has no content."""
    for root in (site.machine.state, site.machine.run):
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in NOT_OURS and folder + "/" + name != site.data.parent]
            for path in (Path(folder, name) for name in names if name not in ("netns", "kept")):
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path


def harm(path: Path, how: str) -> bytes:
    """In place, as a disk does it; what was in there."""
    before = path.read_bytes()
    after = HARMS[how](before)
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    return before


def try_all(site: Site, *, hows: Callable[[Path], list[str]]) -> int:
    """How much harm was done."""
    site.type.well("up -d")
    count = 0
    for path in sorted(files(site)):
        for how in hows(path):
            count += _try(site, path, how)
    site.type.well("down")
    return count


def _try(site: Site, path: Path, how: str) -> bool:
    if not path.exists():
        return False
    before = harm(path, how)
    try:
        _looked_at(site, path, before)
        assert site.data.read_text() == KEPT
    except BaseException as problem:
        raise AssertionError(f"{path} was {how}: {problem}") from problem
    return True


def _looked_at(site: Site, path: Path, before: bytes) -> None:
    for line in ("plan", "ps"):
        ended = site.type(line)
        assert "Traceback" not in ended.err, ended.told
        assert ended.code == 0 or str(path).endswith(REFUSED), ended.told
    ended = site.type("up -d")
    if ended.code and str(path).endswith(REFUSED):
        assert f'the key "{path}" is not whole' in ended.err
        path.write_bytes(before)
        ended = site.type("up -d")
    assert ended.code == 0, ended.told
    if path.name == "record.again.json":  # nobody misses it, so that a command with nothing to do leaves it so
        path.write_bytes(before)
    if path.name in SAYING:
        assert "was damaged" in ended.err, ended.told
    assert site.type("plan --detailed-exitcode").code == 0
    entered = site.type("exec -T web true")
    assert entered.code == 0 or str(path).endswith(RESTARTED), entered.told
    if entered.code:
        site.type.well("restart -t 1")
        site.type.well("exec -T web true")


def main() -> str:
    def body() -> None:
        with matrix.site() as site:
            begun = time.monotonic()
            count = try_all(site, hows=lambda _: list(HARMS))
            site.nothing_left()
            os.write(1, f"{count} times harm, {time.monotonic() - begun:.0f} s\n".encode())

    return run_apart(body, deadline_s=1800.0, cgroups=True)


if __name__ == "__main__":
    sys.exit(main() or 0)
