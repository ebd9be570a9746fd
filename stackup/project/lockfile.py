"""`stackup.lock` on disk: YAML beside the stack file, one name after the other, in an order that does not change.

It is meant to be checked in and read in a diff. Reading is strict, since what it says is believed: a key or a digest
that is not understood is an error with its line, never left out.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stackup.diagnostics import Diagnostics, Span
from stackup.engines.desire.builds import image_name, own_names
from stackup.errors import UsageError
from stackup.images.locked import Content, Locked, movable, platform_of
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
HELD = (
    f'"{{0}}" is not built: it came with a bundle, and "{NAME}" holds it; to build it: `stackup lock --upgrade {{0}}`'
)
HEAD = "# Which content each image has. Written by `stackup lock`; check it in.\n"


def path_of(session: Session, loaded: Loaded | Resolved) -> str:
    """Where it is written: see `paths_of`."""
    return paths_of(session, loaded)[0]


def paths_of(session: Session, loaded: Loaded | Resolved) -> tuple[str, ...]:
    """Where it may be, the first that is there holds: beside the first stack file, or in the stack's folder when that
    came through a pipe. The copy of a stack from elsewhere is nobody's to write into: its lock lies where the user
    stands, else the one holds that its author checked in."""
    first, where = loaded.files[0] if loaded.files else "", session.where
    beside = os.path.join(os.path.dirname(first) if os.path.isabs(first) else loaded.directory, NAME)
    if not first.startswith(f"{session.layout.remote_dir}/"):
        return (beside,)
    return os.path.normpath(os.path.join(where.directory, where.project_directory, NAME)), beside


def as_typed(session: Session, path: str) -> str:
    """Relative to where the user stands, where that is shorter."""
    relative = os.path.relpath(path, session.where.directory)
    return relative if len(relative) < len(path) else path


def held(session: Session, loaded: Loaded) -> tuple[Loaded, Locked | None]:
    """The stack as its lock holds it, and the lock, None where there is none. Raises StackInvalid, and UsageError when
    there must be one (`--locked`)."""
    found = read(session, loaded)
    if found is None and session.locked:
        hint = "write it with `stackup lock`, or leave out --locked"
        raise UsageError(f'there is no "{NAME}" beside the stack file', subject=path_of(session, loaded), hint=hint)
    return hold(loaded, found) if found else (loaded, None)


def hold(loaded: Loaded, locked: Locked) -> tuple[Loaded, Locked]:
    """A service that was built elsewhere runs that image, as one that has a name and no build; pure."""
    stack = loaded.stack
    assert stack is not None, "load() has seen to it"
    services, names = dict(stack.services), dict(locked.names)
    for name, service in stack.services.items():
        if service.build and platform_of(service.platform or "") in locked.built.get(name, {}):
            image = image_name(stack.name, name, service)
            services[name] = service.model_copy(update={"build": None, "image": image})
            names[str(movable(image))] = Content("", locked.built[name])
    stack = stack.model_copy(update={"services": services})
    return replace(loaded, stack=stack), replace(locked, names=names, own=own_names(stack))


def read(session: Session, loaded: Loaded) -> Locked | None:
    """None when there is no lock. Raises StackInvalid."""
    there = ((path, content) for path in paths_of(session, loaded) if (content := read_disk(path)) is not None)
    path, content = next(there, ("", None))
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
    return reading.locked(documents[0].root, strict=strict)


def text_of(locked: Locked) -> str:
    """The same content is the same text."""
    images: dict[str, Any] = {}
    for name, content in sorted(locked.names.items()):
        reference = movable(name)
        digest = {"digest": content.digest} if content.digest else {}
        images[reference.familiar if reference else name] = digest | {"images": dict(sorted(content.images.items()))}
    said: dict[str, Any] = {"format": FORMAT, "images": images}
    if locked.built:
        said["built"] = {name: dict(sorted(one.items())) for name, one in sorted(locked.built.items())}
    return HEAD + to_yaml(said)


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

    def locked(self, root: Mapping, *, strict: bool) -> Locked:
        version = root.get("format")
        if not isinstance(version, Scalar) or version.value != FORMAT:
            self.wrong(f"`format` must be {FORMAT}", version, "a newer stackup may have written it")
        self._only(root, "format", "images", "built")
        built = {name: self._platforms(name, node) for name, node in self._entries(root, "built")}
        return Locked(self._names(root), strict, built=built)

    def _names(self, root: Mapping) -> dict[str, Content]:
        found: dict[str, Content] = {}
        for name, node in self._entries(root, "images"):
            reference = movable(name)
            if reference is None:
                self.wrong(f'"{name}" is no name of an image that could move', node)
            elif str(reference) in found:
                self.wrong(f'"{name}" is locked twice', node)
            else:
                found[str(reference)] = self._content(name, node)
        return found

    def _only(self, node: Mapping, *known: str) -> None:
        for other, entry in node.entries.items():
            if other not in known:
                self.wrong(f'"{other}" is no key of a lock', entry.value)

    def _entries(self, node: Mapping, key: str) -> list[tuple[str, Node]]:
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
        self._only(node, "digest", "images")
        digest = self._digest(node.get("digest")) if node.get("digest") else ""
        images = {key: self._digest(value) for key, value in self._entries(node, "images")}
        if not digest and not images:
            self.wrong(f'"{name}" has no digest', node)
        return Content(digest, images)

    def _platforms(self, name: str, node: Node) -> dict[str, str]:
        if not isinstance(node, Mapping) or not node.entries:
            self.wrong(f'"{name}" has no image', node)
            return {}
        return {key: self._digest(entry.value) for key, entry in node.entries.items()}

    def _digest(self, node: Node | None) -> str:
        text = str(node.value) if isinstance(node, Scalar) else ""
        if not text.startswith("sha256:") or not is_hex_id(text.removeprefix("sha256:")):
            self.wrong(f'"{text}" is no digest: sha256: and 64 hexadecimal digits', node)
        return text

    def wrong(self, detail: str, node: Node | None, hint: str = MEND) -> None:
        span = node.span if node else Span(self._source, 1, 1, 1, 1)
        self._problems.error("SU111", "a lock file cannot be read", detail=detail, span=span, hint=hint)
