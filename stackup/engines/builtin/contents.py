"""The bytes of secrets and configs: sealed for a normal form, read from where one says, compared without being kept."""

from __future__ import annotations

import os
import stat

from stackup.engines.builtin.vault import Vault
from stackup.engines.engine import LARGEST
from stackup.errors import HostError
from stackup.kernel import files, keyfile
from stackup.layout import Layout
from stackup.values import Data

_INLINE = "a secret or config"


class Contents:
    """Of one state root. The key is looked for when it is needed first."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.vault = Vault(layout)

    def seal(self, text: str) -> tuple[str, str]:
        from stackup.kernel import sealing  # PyNaCl: only for who has something to seal

        key, data = keyfile.need(self._layout.key_file), _encoded(text)
        return keyfile.fingerprint(key, data), sealing.seal_same(key, data, _INLINE)

    def digest(self, data: bytes) -> str:
        return keyfile.fingerprint(keyfile.need(self._layout.key_file), data)

    def read(self, spec: Data) -> bytes:
        """`spec` says `source` and `sealed`, as `desire.sources` writes them."""
        kind, _, detail = str(spec["source"]).partition(":")
        match kind:
            case "file":
                return read_file(detail)
            case "external":
                return self.vault.content(str(spec["kind"]), detail)
            case _:
                return self._opened(str(spec["sealed"]))

    def _opened(self, sealed: str) -> bytes:
        from stackup.kernel import sealing

        return sealing.opened(keyfile.need(self._layout.key_file), sealed, _INLINE)


def _encoded(text: str) -> bytes:
    """A variable may hold any bytes."""
    return text.encode("utf-8", "surrogateescape")


def read_file(path: str) -> bytes:
    """Of a regular file only: reading a device or a pipe may never end. Raises HostError that says why not."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as problem:
        raise files.host_error(problem, "cannot read the file", path) from problem
    except ValueError as problem:  # no file can have such a name
        raise HostError(f"cannot read the file {path!r}", subject=path) from problem
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise HostError(f'"{path}" is not a file', subject=path, hint="secrets and configs are single files")
        data = bytearray()
        while len(data) <= LARGEST and (piece := os.read(fd, LARGEST + 1 - len(data))):
            data += piece
    except OSError as problem:
        raise files.host_error(problem, "cannot read the file", path) from problem
    finally:
        os.close(fd)
    if len(data) > LARGEST:
        hint = "mount it as a volume, which need not be in memory"
        raise HostError(f'"{path}" is larger than {LARGEST >> 20} MiB', subject=path, hint=hint)
    return bytes(data)
