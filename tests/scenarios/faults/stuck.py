"""A file system that does not answer: whoever looks up `stuck` in it sleeps in a way that no signal ends.

A FUSE server of a few messages in a thread. A request that was taken and not answered is waited for even by a process
that was killed (fs/fuse/dev.c, request_wait_answer); closing the device lets everybody go.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from contextlib import suppress
from pathlib import Path

from stackup.errors import KernelError
from stackup.kernel import calls

MNT_FORCE = 1
_HEAD = struct.Struct("=IIQQIIIHH")  # fuse_in_header: length, opcode, unique, node, ...
LOOKUP, GETATTR, INIT = 1, 3, 26


class StuckFiles:
    def __init__(self, folder: Path) -> None:
        self.asked = threading.Event()
        self._fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._folder = str(folder)
        options = f"fd={self._fd},rootmode=40000,user_id=0,group_id=0,allow_other"
        calls.mount("stuck", self._folder, "fuse", 0, options)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                message = os.read(self._fd, 1 << 17)
            except OSError:
                return
            _, opcode, unique, node, *_ = _HEAD.unpack_from(message)
            if opcode == LOOKUP and message[_HEAD.size :].startswith(b"stuck\0"):
                self.asked.set()  # and no answer
                continue
            self._answer(unique, *_reply(opcode, node))

    def _answer(self, unique: int, error: int, body: bytes = b"") -> None:
        try:
            os.write(self._fd, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)
        except OSError:
            return  # nobody waits for it any longer

    def let_go(self) -> None:
        """As when a server is given up (fs/fuse/inode.c, fuse_umount_begin): every request ends."""
        with suppress(KernelError):
            calls.umount2(self._folder, MNT_FORCE)


def _reply(opcode: int, node: int) -> tuple[int, bytes]:
    if opcode == INIT:
        return 0, struct.pack("=IIIIHHIIHH", 7, 31, 1 << 17, 0, 12, 9, 1 << 16, 1, 32, 0) + bytes(28)
    if opcode == GETATTR:
        attributes = (node, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)
        return 0, struct.pack("=QII", 60, 0, 0) + struct.pack("=QQQQQQIIIIIIIIII", *attributes)
    if opcode == LOOKUP:
        return errno.ENOENT, b""
    return errno.ENOSYS, b""
