"""What we claim about an address on disk, and what a container's monitor said last, held against the kernel.

Hot. A record is written by commands, before the effect it announces; a status by its monitor alone. Neither
is believed when the kernel disagrees: a status that says `running` without its monitor is a container that is gone.
"""

from __future__ import annotations

import os

from stackup import layout
from stackup.kernel import calls, files, proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from stackup.runtime.description import ProcessId, Status

FORMAT = 1
DAMAGED = "damaged"
"""In a record that was read: its own file holds none, and this is what was written beside it."""
LOST_EXIT = 137
LOST = "monitor lost: it was killed or the machine went down, and the container went with it"


def write(directory: str, record: dict[str, Any]) -> None:
    """Survives a kill, and by itself no power cut: what a claim is about is gone then too. See `sync`.

    `record` has at least `instance` and `phase` (`creating`, `ready` or `deleting`).
    """
    files.make_dir(directory)
    data = files.as_json({"format": FORMAT, **{key: value for key, value in record.items() if key != DAMAGED}})
    for name in (layout.RECORD, layout.RECORD_AGAIN):
        files.write_bytes(os.path.join(directory, name), data, durable=False)


def sync(directory: str) -> None:
    """Everything written so far on that file system survives a power cut, syncfs(2): one wait for any number."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        calls.syncfs(fd)
    finally:
        os.close(fd)


def read(directory: str) -> dict[str, Any] | None:
    """The record, or None when there is none that this release can read."""
    value = files.read_json(os.path.join(directory, layout.RECORD))
    if value is None:
        value = files.read_json(os.path.join(directory, layout.RECORD_AGAIN))
        value = value and {**value, DAMAGED: True}
    return value if isinstance(value, dict) and value.get("format") == FORMAT else None


def is_twice(directory: str) -> bool:
    """Whether both files say the same: a writer may have been killed in between, and earlier builds wrote one."""
    one, again = (files.read_bytes(os.path.join(directory, name)) for name in (layout.RECORD, layout.RECORD_AGAIN))
    return one == again


def is_litter(directory: str) -> bool:
    """Nobody's: neither a record of ours nor one of another format."""
    return not any(_readable(directory))


def _readable(directory: str) -> Iterator[bool]:
    for name in (layout.RECORD, layout.RECORD_AGAIN):
        yield files.read_json(os.path.join(directory, name)) is not None


def walk(kind_dir: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(directory name, record) of every address of one kind."""
    for name in files.list_dir(kind_dir):
        value = read(os.path.join(kind_dir, name))
        if value is not None:
            yield name, value


def forget(directory: str) -> None:
    """Remove the claim: the last step of a delete."""
    for name in (layout.RECORD, layout.RECORD_AGAIN):
        files.remove(os.path.join(directory, name))
    if os.path.isdir(directory):
        files.sync_dir(directory)


def write_status(directory: str, status: Status) -> None:
    """Atomic, not durable: after a power cut the monitor is dead, and `observe_status` knows it."""
    files.write_json(os.path.join(directory, layout.STATUS), status, durable=False)


def sync_status(directory: str) -> None:
    """Make the last status survive a power cut; a failure to do so is no failure of the container's."""
    try:
        fd = os.open(os.path.join(directory, layout.STATUS), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        files.sync_dir(directory)
    except OSError:
        return


def read_status(directory: str) -> Status | None:
    """What the monitor said, unchecked."""
    value = files.read_json(os.path.join(directory, layout.STATUS))
    return value if isinstance(value, dict) and "state" in value else None  # type: ignore[return-value]


def observe_status(directory: str) -> Status | None:
    """The status as the kernel confirms it; None when the container was never launched."""
    status = read_status(directory)
    if status is None or status["state"] in ("exited", "failed"):
        return status
    if alive(status["monitor"]):
        if status["state"] == "running" and status["init"] is not None and not alive(status["init"]):
            # Ended this instant: its monitor is about to say how.
            return read_status(directory) or status
        return status
    again = read_status(directory)
    if again is not None and again["state"] in ("exited", "failed"):
        return again
    return lost(status)


def lost(status: Status) -> Status:
    """The same container after its monitor was killed: the kernel took the container along (pid_namespaces(7))."""
    return {**status, "state": "exited", "exit_code": LOST_EXIT, "error": LOST, "init": None, "stopped": False}


def alive(process: ProcessId) -> bool:
    return proc.alive(process["pid"], process["start"])
