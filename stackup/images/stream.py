"""A byte stream read ahead in one thread and hashed in another, while the caller writes files.

Both threads spend their time where the interpreter lock is released. An error of the source comes up in the caller's
loop; leaving the loop early stops the threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread

from stackup.images.compression import ByteSource, decompressed
from stackup.images.refusal import disk

_AHEAD = 8
_PAUSE_S = 0.2


class HashedStream:
    """The uncompressed chunks of `source`; after the last one, `digest()` is the sha256 of all of them: a diff id."""

    def __init__(self, source: ByteSource, subject: str) -> None:
        self._source = source
        self._subject = subject
        self._sha256 = hashlib.sha256()
        self._out: Queue[bytes] = Queue(_AHEAD)
        self._hashed: Queue[bytes] = Queue(_AHEAD)
        self._stopped = Event()
        self._error: BaseException | None = None
        self.size = 0
        self._threads = (Thread(target=self._read, daemon=True), Thread(target=self._hash, daemon=True))
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._out.get():
            self.size += len(chunk)
            yield chunk
        if self._error is not None:
            raise self._error

    def digest(self) -> str:
        """`sha256:<hex>`; waits for the hashing thread, so ask once, after the last chunk."""
        self._threads[1].join()
        return f"sha256:{self._sha256.hexdigest()}"

    def close(self) -> None:
        """Stops both threads. One that waits for a silent pipe is left to end with the process."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(_PAUSE_S * 2)

    def _read(self) -> None:
        try:
            with disk(self._subject):
                for chunk in decompressed(self._source):
                    if not (chunk and self._put(self._hashed, chunk) and self._put(self._out, chunk)):
                        break
        except BaseException as error:  # handed to the caller's thread, which raises it
            self._error = error
        self._put(self._hashed, b"")
        self._put(self._out, b"")

    def _put(self, queue: Queue[bytes], chunk: bytes) -> bool:
        while not self._stopped.is_set():
            try:
                queue.put(chunk, timeout=_PAUSE_S)
            except Full:
                continue
            return True
        return False

    def _hash(self) -> None:
        while not self._stopped.is_set():
            try:
                chunk = self._hashed.get(timeout=_PAUSE_S)
            except Empty:
                continue
            if not chunk:
                return
            self._sha256.update(chunk)
