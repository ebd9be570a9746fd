"""What containers wrote: past lines merged by time, or followed as they come. Hot; threads only when following."""

from __future__ import annotations

from heapq import merge

from stackup.project.containers import containers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


class News:
    """Among the lines: what was waited for beside them has come."""


class Followed:
    """Lines of several containers as they come, one thread each, in one bounded queue: a slow reader slows the readers.

    Iterating ends when every followed container has ended, or at `rest`, after which it can go on. `add` takes in
    another one.
    """

    def __init__(self, direct: Direct, *, tail: int | None, since: float, until: float = 0.0) -> None:
        import queue
        import threading

        self._direct = direct
        self._range: dict[str, Any] = {"tail": tail, "since": since, "until": until}
        self._lines: queue.Queue[Line | Container | News | BaseException | None] = queue.Queue(1000)
        self._thread = threading.Thread
        self._heard = threading.Semaphore(0)
        self._open: set[str] = set()

    def add(self, row: Container, since: float | None = None) -> None:
        """One that is followed already stays so."""
        if row["address"] not in self._open:
            self._open.add(row["address"])
            limits = self._range if since is None else {**self._range, "since": since}
            self._thread(target=self._read, args=(row, limits), daemon=True).start()

    def beside(self, wait: Callable[[], None]) -> None:
        """`wait` returns when there is news, which comes among the lines; called again after `heard`, for ever."""
        self._open.add("")
        self._thread(target=self._wait, args=(wait,), daemon=True).start()

    def heard(self) -> None:
        self._heard.release()

    def rest(self) -> None:
        self._lines.put(None)

    def _wait(self, wait: Callable[[], None]) -> None:
        try:
            while True:
                wait()
                self._lines.put(News())
                self._heard.acquire()
        except BaseException as problem:  # it belongs to whoever iterates
            self._lines.put(problem)

    def _read(self, row: Container, limits: dict[str, Any]) -> None:
        try:
            for at, stream, data in self._direct.logs(row, follow=True, **limits):
                self._lines.put((row, at, stream, data))
            self._lines.put(row)
        except BaseException as problem:  # it belongs to whoever iterates
            self._lines.put(problem)

    def __iter__(self) -> Iterator[Line | Container | News]:
        """Lines, and a container by itself when its output has ended."""
        while self._open:
            item = self._lines.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, dict):
                self._open.discard(item["address"])
            yield item
