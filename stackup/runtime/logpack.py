"""Full log files are packed in a process of their own, so that the container's output never waits for it.

Forked and never exec'd: it needs one module more than a monitor has. One at a time; a file that fills up meanwhile
stays as it is, for output that fills files faster than they are packed has them removed as fast.
"""

from __future__ import annotations

import os
import signal

from stackup.runtime import logfiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackup.runtime.loop import Loop

_LOWEST = 19


class Packer:
    """`pack` begins, `close` gives up; what is half-done is left for the next run to remove."""

    __slots__ = ("_loop", "_pidfd")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pidfd = -1

    def pack(self, path: str) -> None:
        if self._pidfd >= 0:
            return
        pid = os.fork()
        if not pid:
            _packer(path)
        self._pidfd = os.pidfd_open(pid)
        self._loop.add(self._pidfd, self._over)

    def _over(self, pidfd: int) -> None:
        self._loop.drop(pidfd)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
        os.close(pidfd)
        self._pidfd = -1

    def close(self) -> None:
        if self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._over(self._pidfd)


def _packer(path: str) -> None:
    """The other process: nothing of the monitor's is its own, neither descriptors nor what to do on a signal."""
    code = 1
    try:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.nice(_LOWEST)
        pack(path)
        code = 0
    finally:
        os._exit(code)


def pack(path: str) -> None:
    """The packed file is whole, with the time of the last line, before the plain one goes."""
    packed = path + logfiles.PACKED
    part = packed + logfiles.PACKING
    with open(path, "rb", buffering=0) as plain, open(part, "wb", opener=_private) as written:
        known = os.fstat(plain.fileno())
        for piece in _pieces(plain.fileno()):
            written.write(piece)
        written.flush()
        os.utime(written.fileno(), ns=(known.st_mtime_ns, known.st_mtime_ns))
    os.rename(part, packed)
    try:
        os.unlink(path)
    except FileNotFoundError:
        os.unlink(packed)  # it was old enough to go


def _pieces(fd: int) -> Iterator[bytes]:
    import zlib

    stream = zlib.compressobj(wbits=logfiles.GZIP)
    while data := os.read(fd, logfiles.BLOCK):
        yield stream.compress(data)
    yield stream.flush()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
