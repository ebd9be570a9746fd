"""The key of a state root: a file of 32 random bytes that its owner alone may read, made when it is first needed.

What must not be read from disk is sealed with it (`sealing`), and what must only be compared is kept as a fingerprint:
without the key nobody can try what a short password would give. Hot: `_blake2` is what `hashlib.blake2b` is, without
the 3 ms of loading OpenSSL.
"""

from __future__ import annotations

import os
import stat
from _blake2 import blake2b

from stackup.errors import HostError
from stackup.kernel import files

SIZE = 32
_MARK, _SEAL = b"stackup-mark", b"stackup-seal"
_SHARED = 0o077


def read(path: str) -> bytes | None:
    """None when there is no key yet. Raises HostError for one that others may read, or that is not whole."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise files.host_error(problem, "cannot read the key", path) from problem
    try:
        found = os.fstat(fd)
        key = os.read(fd, SIZE + 1) if stat.S_ISREG(found.st_mode) else b""
    finally:
        os.close(fd)
    if found.st_mode & _SHARED or found.st_uid != os.geteuid():
        hint = f"what it sealed may be known; to go on: chown root {path}; chmod 600 {path}"
        raise HostError(f'others may read the key "{path}"', subject=path, hint=hint, code="key-not-private")
    if len(key) != SIZE:
        hint = "bring it back from a copy; without it what was sealed is lost: then move it away and make that anew"
        raise HostError(f'the key "{path}" is not whole', subject=path, hint=hint, code="key-not-whole")
    return key


def need(path: str) -> bytes:
    """The key, made if there is none. Of two that make it at once one wins, and both have that one."""
    found = read(path)
    if found is None:
        files.make_dir(os.path.dirname(path))
        aside = f"{path}.{os.getpid()}.new"
        try:
            files.write_bytes(aside, os.urandom(SIZE))
            os.link(aside, path)
        except FileExistsError:
            pass
        except OSError as problem:
            raise files.host_error(problem, "cannot make the key", path) from problem
        finally:
            files.remove(aside)
        files.sync_dir(os.path.dirname(path))
        found = read(path)
    assert found is not None, "it was there, or it was made"
    return found


def fingerprint(key: bytes, data: bytes) -> str:
    """Equal for equal bytes, and nothing else can be told from it without the key."""
    return blake2b(data, key=key, person=_MARK, digest_size=SIZE).hexdigest()


def sealing_key(key: bytes) -> bytes:
    """Another one than fingerprints are made with."""
    return blake2b(b"", key=key, person=_SEAL, digest_size=SIZE).digest()
