"""What happened to a stack's containers, a line each, for whoever watches: written by monitors and commands alike.

Hot. The lines have the shape of a log's, so that `logs` reads and follows them: time, the word `events`, and JSON. Any
number of processes append at once, since O_APPEND makes one write one line; nobody waits for anybody, and what cannot
be written is lost, for an event is no reason to end a container. Bounded: two files of a megabyte a stack.
"""

from __future__ import annotations

import json
import os
import time

from stackup.errors import StackupError
from stackup.kernel import files
from stackup.runtime import logfiles, logs
from stackup.runtime.logwriter import stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stackup.runtime.description import About, Happening

STREAM = b"events"
MAX_SIZE = 1 << 20


def note(about: About, action: str, **attributes: str | int) -> None:
    """Docker's words for actions: create, start, kill, die, stop, destroy, oom, pause, `health_status: healthy`, ..."""
    more = {name: str(value) for name, value in attributes.items()}
    told = {
        "service": about["service"],
        "id": about["id"],
        "action": action,
        "attributes": {**about["attributes"], **more},
        "transient": about["transient"],
    }
    line = b"%s %s F %s\n" % (stamp(time.time_ns()), STREAM, json.dumps(told, separators=(",", ":")).encode())
    try:
        files.make_dir(about["folder"])
        _append(about["folder"], line)
    except (OSError, StackupError):
        return


def _append(folder: str, line: bytes) -> None:
    """Any number of writers: one that is late adds to a file that is full already, and is read there."""
    number = max(logfiles.numbers(folder), default=1)
    fd = os.open(logfiles.place(folder, number), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, line)
        if os.fstat(fd).st_size > MAX_SIZE:
            os.close(os.open(logfiles.place(folder, number + 1), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            logfiles.drop(folder, number - 1)
    finally:
        os.close(fd)


def past(folder: str, *, since: int, until: int) -> Iterator[Happening]:
    """What is written down, from nanosecond to nanosecond."""
    files.make_dir(folder)
    yield from happenings(logs.read(folder, since=since, until=until))


def coming(folder: str, *, since: int, until: int) -> Iterator[Happening]:
    """What happens from now on, before that what happened since a moment, if one is given; asleep in between."""
    files.make_dir(folder)
    deadline = time.monotonic() + (until - time.time_ns()) / 1e9 if until else 0.0
    follow = logs.Follow([folder], tail=-1 if since else 0, deadline=deadline)
    for _, entries in follow:
        yield from happenings(entry for entry in entries if entry[0] >= since)


def happenings(entries: Iterable[logs.Entry]) -> Iterator[Happening]:
    for at, _, data in entries:
        try:
            told: Happening = json.loads(data)
            told["at"] = at
        except ValueError:
            continue  # torn by a full disk
        yield told
