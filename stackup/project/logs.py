"""What containers wrote: past lines merged by time, or followed as they come. Hot; threads only when following."""

from __future__ import annotations

from heapq import merge

from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from stackup.engines.engine import Container, Direct
    from stackup.project.session import Session

    Line = tuple[Container, int, str, bytes]


def chosen(session: Session, services: tuple[str, ...], index: int = 0) -> list[Container]:
    """The containers whose output is asked for."""
    return [row for row in containers(session, services) if not index or row["index"] == index]


def past(session: Session, rows: list[Container], *, tail: int | None, since: float, until: float) -> Iterator[Line]:
    """What was written so far, by time; lines of one moment stay in the order of containers."""
    direct = session.host.direct
    streams = [
        _numbered(number, row, direct.logs(row, tail=tail, since=since, until=until, follow=False))
        for number, row in enumerate(rows)
    ]
    for at, _, row, stream, data in merge(*streams, key=lambda line: (line[0], line[1])):
        yield row, at, stream, data


def _numbered(
    number: int, row: Container, lines: Iterator[tuple[int, str, bytes]]
) -> Iterator[tuple[int, int, Container, str, bytes]]:
    for at, stream, data in lines:
        yield at, number, row, stream, data


class Followed:
    """Lines of several containers as they come, one thread each, in one bounded queue: a slow reader slows the readers.

    Iterating ends when every followed container has ended. `add` takes in another one, `None` lines are ends.
    """

    def __init__(self, direct: Direct, *, tail: int | None, since: float, until: float = 0.0) -> None:
        import queue
        import threading

        self._direct = direct
        self._range: dict[str, Any] = {"tail": tail, "since": since, "until": until}
        self._lines: queue.Queue[Line | Container | BaseException] = queue.Queue(1000)
        self._thread = threading.Thread
        self._open = 0

    def add(self, row: Container) -> None:
        self._open += 1
        self._thread(target=self._read, args=(row,), daemon=True).start()

    def _read(self, row: Container) -> None:
        try:
            for at, stream, data in self._direct.logs(row, follow=True, **self._range):
                self._lines.put((row, at, stream, data))
            self._lines.put(row)
        except BaseException as problem:  # it belongs to whoever iterates
            self._lines.put(problem)

    def __iter__(self) -> Iterator[Line | Container]:
        """Lines, and a container by itself when its output has ended."""
        while self._open:
            item = self._lines.get()
            if isinstance(item, BaseException):
                raise item
            if not isinstance(item, tuple):
                self._open -= 1
            yield item
