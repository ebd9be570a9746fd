"""The store's small JSON files. Stricter than records elsewhere: a damaged file is an error here, not an absent one,
since no kernel could tell the truth in its place. Hot.
"""

from __future__ import annotations

import json
import os

from stackup.errors import StackupError
from stackup.images.refusal import disk
from stackup.kernel.resolve import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stackup.values import Data

SCHEMA = 1


def write_synced(path: str, data: Data) -> None:
    """A new file, for its owner only; the caller renames it to where readers look."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        content = json.dumps({"schema": SCHEMA, **data}, separators=(",", ":")).encode()
        while content:
            content = content[os.write(fd, content) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def read_json(path: str) -> Data | None:
    """None when there is no such file; a damaged one is an error."""
    try:
        with disk(path), open(path, "rb") as file:
            found = json.loads(file.read())
    except StackupError as error:
        if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            return None
        raise
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise _damaged(path)
    return found


def names_in(path: str) -> list[str]:
    """What a directory holds; nothing when it is not there."""
    try:
        with disk(path):
            return os.listdir(path)
    except StackupError as error:
        if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
            return []
        raise


def unlink_if_there(path: str) -> bool:
    """Whether there was something to unlink."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def remove_below(directory: str, name: str) -> None:
    """A file or a whole tree, by descriptor; what is gone is fine."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        remove_tree(fd, name)
    finally:
        os.close(fd)


def _damaged(path: str) -> StackupError:
    return StackupError(f'"{path}" is damaged', subject=path, hint="remove the file and import again", code="store")
