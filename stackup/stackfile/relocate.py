"""Relative paths become absolute, by a table from path pattern to rule, before merging: each file has its own base.

Files named with -f share the stack's folder; what comes by `extends` or `include` hangs off its own. URLs and names are
left alone. Nothing is looked up on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from stackup.stackfile.document import RESET, Entry, Mapping, Node, Scalar, Sequence, spell, with_entries, with_value
from stackup.stackfile.patterns import Table, table


@dataclass(frozen=True, slots=True)
class Place:
    """Where relative paths start, and what `~` means.

    With a `stack` folder paths stay relative: as they are written in its own files, and from it in those of others.
    """

    base: str
    home: str = ""
    stack: str = ""

    def absolute(self, path: str) -> str:
        if self.home and (path == "~" or path.startswith("~/")):
            path = self.home + path[1:]
        return os.path.normpath(os.path.join(self.base, path)) if path else path

    def shown(self, path: str) -> str:
        if not self.stack:
            return self.absolute(path)
        if self.base == self.stack or not path or path.startswith(("/", "~")):
            return path
        found = os.path.relpath(self.absolute(path), self.stack)
        return found if found.startswith("..") else os.path.join(".", found)


Rule: TypeAlias = Callable[[Node, Place], Node]


def relocate(root: Mapping, place: Place) -> Mapping:
    done = _walk(root, place, TABLE)
    return done if isinstance(done, Mapping) else root


def _walk(node: Node, place: Place, rules: Table[Rule]) -> Node:
    if node.tag == RESET:
        return node
    if rules.rule is not None:
        node = rules.rule(node, place)
    if not rules.below:
        return node
    match node:
        case Mapping():
            entries = {
                key: Entry(entry.key, _walk(entry.value, place, below)) if (below := rules.down(key)) else entry
                for key, entry in node.entries.items()
            }
            return with_entries(node, entries)
        case Sequence() if below := rules.down("*"):
            return replace(node, items=tuple(_walk(item, place, below) for item in node.items))
        case _:
            return node


STDIN = "-"


def path(node: Node, place: Place) -> Node:
    """A folder may be called 2024, which YAML reads as a number."""
    if isinstance(node, Scalar) and not isinstance(node.value, bool) and (text := spell(node.value)):
        return replace(node, value=place.shown(text))
    return node


def file(node: Node, place: Place) -> Node:
    """What is read while loading is always absolute."""
    return context(node, replace(place, stack=""))


def context(node: Node, place: Place) -> Node:
    """A build context may be a URL or another service or image."""
    if isinstance(node, Scalar) and not is_remote(spell(node.value)):
        return path(node, place)
    return node


def build_context(node: Node, place: Place) -> Node:
    """`-` is standard input."""
    return node if isinstance(node, Scalar) and node.value == STDIN else context(node, place)


def is_remote(text: str) -> bool:
    return "://" in text or text.startswith(("git@", "github.com/", "service:", "target:"))


def bind_source(node: Node, place: Place) -> Node:
    if not isinstance(node, Mapping) or _text(node, "type") != "bind":
        return node
    source = node.get("source")
    return with_value(node, "source", path(source, place)) if source else node


def bind_device(node: Node, place: Place) -> Node:
    """A volume whose options make it a bind mount; a tmpfs's or NFS's device is no path of this machine."""
    device = node.get("device") if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or device is None:
        return node
    if _text(node, "type") != "bind" and not {"bind", "rbind"} & set(_text(node, "o").split(",")):
        return node
    return with_value(node, "device", path(device, place))


def _text(node: Mapping, key: str) -> str:
    value = node.get(key)
    return str(value.value) if isinstance(value, Scalar) and value.value is not None else ""


TABLE: Table[Rule] = table(
    {
        "services.*.build.context": build_context,
        "services.*.build.additional_contexts.*": context,
        "services.*.env_file.*.path": path,
        "services.*.label_file.*": path,
        "services.*.volumes.*": bind_source,
        "services.*.extends.file": file,
        "services.*.develop.watch.*.path": path,
        "secrets.*.file": path,
        "configs.*.file": path,
        "volumes.*.driver_opts": bind_device,
        "include.*.path.*": file,
        "include.*.project_directory": file,
        "include.*.env_file.*": file,
    }
)
