"""`stackup.lock` on disk: YAML beside the stack file, one name after the other, in an order that does not change.

It is meant to be checked in and read in a diff. Reading is strict, since what it says is believed: a key or a digest
that is not understood is an error with its line, never left out.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stackup.diagnostics import Diagnostics, Span
from stackup.engines.desire.builds import own_names
from stackup.errors import UsageError
from stackup.images.locked import Content, Locked, movable
from stackup.images.reference import is_hex_id
from stackup.kernel.files import write_bytes
from stackup.project.problems import refuse
from stackup.stackfile.discover import read_disk
from stackup.stackfile.document import Mapping, Node, Scalar
from stackup.stackfile.emit import to_yaml
from stackup.stackfile.parse import parse

if TYPE_CHECKING:
    from stackup.project.resolve import Resolved
    from stackup.project.session import Session
    from stackup.stackfile.load import Loaded

NAME = "stackup.lock"
FORMAT = 1
MEND = "mend it, or remove the file and run `stackup lock`"
HEAD = "# Which content each image has. Written by `stackup lock`; check it in.\n"


def path_of(loaded: Loaded | Resolved) -> str:
    """Beside the first stack file; in the stack's folder when that came through a pipe or from elsewhere."""
    first = loaded.files[0] if loaded.files else ""
    beside = os.path.dirname(first) if os.path.isabs(first) else loaded.directory
    return os.path.join(beside, NAME)


def as_typed(session: Session, path: str) -> str:
    """Relative to where the user stands, where that is shorter."""
    relative = os.path.relpath(path, session.where.directory)
    return relative if len(relative) < len(path) else path


def lock_of(session: Session, loaded: Loaded) -> Locked | None:
    """None where there is no lock. Raises StackInvalid, and UsageError when there must be one (`--locked`)."""
    path = path_of(loaded)
    found = read(session, path)
    if found is None and session.locked:
        hint = "write it with `stackup lock`, or leave out --locked"
        raise UsageError(f'there is no "{NAME}" beside the stack file', subject=path, hint=hint)
    return replace(found, own=own_names(loaded.stack)) if found and loaded.stack else found


def read(session: Session, path: str) -> Locked | None:
    """None when there is no such file. Raises StackInvalid."""
    content = read_disk(path)
    if content is None:
        return None
    problems, name = Diagnostics(), as_typed(session, path)
    found = parsed(content, name, problems, strict=session.locked)
    refuse(session, problems, {name: content.decode("utf-8", "replace")})
    return found


def parsed(content: bytes, source: str, problems: Diagnostics, *, strict: bool = False) -> Locked:
    """What is wrong is among the problems then, and the rest of the answer is worth nothing."""
    reading = _Reading(source, problems)
    documents = parse(content, source, problems) if content.strip() else ()
    if len(documents) != 1:
        reading.wrong("a lock is one document", None)
        return Locked()
    return Locked(reading.names(documents[0].root), strict)


def text_of(locked: Locked) -> str:
    """The same content is the same text."""
    images: dict[str, Any] = {}
    for name, content in sorted(locked.names.items()):
        reference = movable(name)
        digest = {"digest": content.digest} if content.digest else {}
        images[reference.familiar if reference else name] = digest | {"images": dict(sorted(content.images.items()))}
    return HEAD + to_yaml({"format": FORMAT, "images": images})


def write(path: str, locked: Locked) -> bool:
    """Whether that changed anything."""
    text = text_of(locked).encode()
    if read_disk(path) == text:
        return False
    write_bytes(path, text, mode=0o644)
    return True


class _Reading:
    """One pass over the nodes of a lock."""

    def __init__(self, source: str, problems: Diagnostics) -> None:
        self._source = source
        self._problems = problems

    def names(self, root: Mapping) -> dict[str, Content]:
        version = root.get("format")
        if not isinstance(version, Scalar) or version.value != FORMAT:
            self.wrong(f"`format` must be {FORMAT}", version, "a newer stackup may have written it")
        found: dict[str, Content] = {}
        for name, node in self._entries(root, ("format", "images"), "images"):
            reference = movable(name)
            if reference is None:
                self.wrong(f'"{name}" is no name of an image that could move', node)
            elif str(reference) in found:
                self.wrong(f'"{name}" is locked twice', node)
            else:
                found[str(reference)] = self._content(name, node)
        return found

    def _entries(self, node: Mapping, known: tuple[str, ...], key: str) -> list[tuple[str, Node]]:
        for other, entry in node.entries.items():
            if other not in known:
                self.wrong(f'"{other}" is no key of a lock', entry.value)
        inner = node.get(key)
        if inner is None or (isinstance(inner, Scalar) and inner.value is None):
            return []
        if not isinstance(inner, Mapping):
            self.wrong(f"`{key}` is no mapping", inner)
            return []
        return [(name, entry.value) for name, entry in inner.entries.items()]

    def _content(self, name: str, node: Node) -> Content:
        if not isinstance(node, Mapping):
            self.wrong(f'"{name}" has no digest', node)
            return Content()
        digest = self._digest(node.get("digest")) if node.get("digest") else ""
        images = {key: self._digest(value) for key, value in self._entries(node, ("digest", "images"), "images")}
        if not digest and not images:
            self.wrong(f'"{name}" has no digest', node)
        return Content(digest, images)

    def _digest(self, node: Node | None) -> str:
        text = str(node.value) if isinstance(node, Scalar) else ""
        if not text.startswith("sha256:") or not is_hex_id(text.removeprefix("sha256:")):
            self.wrong(f'"{text}" is no digest: sha256: and 64 hexadecimal digits', node)
        return text

    def wrong(self, detail: str, node: Node | None, hint: str = MEND) -> None:
        span = node.span if node else Span(self._source, 1, 1, 1, 1)
        self._problems.error("SU111", "a lock file cannot be read", detail=detail, span=span, hint=hint)
