"""The way back from a layer's tree to its archive, byte for byte, so that what was loaded is saved under its digest.

While an archive is unpacked everything but the files' contents (headers, padding, what was skipped) goes onto a tape;
the contents are noted by path and size, and are read from the tree when the archive is made again. A layer that never
was an archive has no tape: `archive.pack_directory` says what its archive is.

The tape: zlib, a run of `R` length bytes and `F` length path size, numbers big-endian.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from struct import Struct
from typing import TYPE_CHECKING

from stackup.errors import KernelError
from stackup.images.archive import pack_directory
from stackup.images.compression import packer
from stackup.images.refusal import ArchiveRefused, disk
from stackup.images.store import TAPE, Store
from stackup.kernel.resolve import open_confined

if TYPE_CHECKING:
    from io import BufferedReader
    from typing import BinaryIO

_RAW, _FILE = b"R", b"F"
_LENGTH, _SIZE = Struct(">I"), Struct(">Q")
_CHUNK = 1 << 18
_RUN_MAX = 1 << 16
_LONGEST = 1 << 22
"""No run and no path of a sound tape is longer."""


class Recorder:
    """A `tar.Tape` that writes into a file; `finish` when the archive has ended."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._packer = packer()
        self._run = bytearray()
        self._told = bytearray()

    def raw(self, data: bytes, /) -> None:
        self._run += data
        if len(self._run) > _RUN_MAX:
            self._end_run()

    def content(self, path: str, size: int, /) -> None:
        self._end_run()
        name = os.fsencode(path)
        self._told += b"F%b%b%b" % (_LENGTH.pack(len(name)), name, _SIZE.pack(size))

    def finish(self) -> None:
        self._end_run()
        self._file.write(self._packer.compress(bytes(self._told)) + self._packer.flush())
        self._file.flush()

    def _end_run(self) -> None:
        if self._run:
            self._told += _RAW + _LENGTH.pack(len(self._run)) + self._run
            self._run.clear()
        if len(self._told) > _RUN_MAX:
            self._file.write(self._packer.compress(bytes(self._told)))
            self._told.clear()


def layer_archive(store: Store, layer: str) -> Iterator[bytes]:
    """The layer as an uncompressed archive, in chunks. Its digest is the layer's id if the store has it whole."""
    with disk(store.layer_dir(layer)):
        root_fd = os.open(store.layer_dir(layer), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        path = os.path.join(store.layer_home(layer), TAPE)
        if not os.path.exists(path):
            yield from pack_directory(root_fd)
            return
        with disk(path), open(path, "rb") as tape:
            yield from _replay(tape, root_fd, layer)
    finally:
        os.close(root_fd)


def _replay(tape: BufferedReader, root_fd: int, layer: str) -> Iterator[bytes]:
    reader = _Unpacked(tape, layer)
    while mark := reader.take(1, end=True):
        text = reader.take(reader.number(_LENGTH))
        if mark == _RAW:
            yield text
        elif mark == _FILE:
            yield from _contents(root_fd, os.fsdecode(text), reader.number(_SIZE))
        else:
            raise _damaged(layer)


def _contents(root_fd: int, path: str, size: int) -> Iterator[bytes]:
    try:
        fd = open_confined(root_fd, path, os.O_RDONLY | os.O_NONBLOCK)
    except KernelError as error:
        raise _damaged(path) from error
    try:
        while size:
            with disk(path):
                piece = os.read(fd, min(size, _CHUNK))
            if not piece:
                raise _damaged(path)
            size -= len(piece)
            yield piece
    finally:
        os.close(fd)


class _Unpacked:
    """The tape without its compression, as much as is asked for."""

    def __init__(self, tape: BufferedReader, layer: str) -> None:
        self._tape = tape
        self._layer = layer
        self._unpacker = zlib.decompressobj()
        self._buffer = b""

    def take(self, size: int, *, end: bool = False) -> bytes:
        """`end`: there may be nothing more."""
        if size > _LONGEST:
            raise _damaged(self._layer)
        while len(self._buffer) < size and self._more():
            continue
        if len(self._buffer) < size and not (end and not self._buffer):
            raise _damaged(self._layer)
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def number(self, form: Struct) -> int:
        return int(form.unpack(self.take(form.size))[0])

    def _more(self) -> bool:
        """False at the tape's own end; a tape that was cut short is damaged."""
        if self._unpacker.eof:
            return False
        try:
            data = self._unpacker.unconsumed_tail or self._tape.read(_CHUNK)
            self._buffer += self._unpacker.decompress(data, _CHUNK)
        except zlib.error as error:
            raise _damaged(self._layer) from error
        if not data and not self._unpacker.eof:
            raise _damaged(self._layer)
        return True


def _damaged(subject: str) -> ArchiveRefused:
    return ArchiveRefused(f'the layer\'s archive cannot be made again: "{subject}" is damaged', subject=subject)
