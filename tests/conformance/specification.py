"""Each element of the Compose Specification with a snippet and what becomes of it: rows of tests/cases/specification.

A row's `web` is put into a service with an image, `top` beside the services, `with` beside the service; `network`,
`volume`, `secret` and `config` make one that the service uses; `stack` and `files` say all, and `elsewhere` which of them a remote name stands for. It expects one or several
of: `effect` (fields of the desired set, which must not be so without the row; of the container unless an address is
given), `gives` (what `config` prints; `once` says why that does not read back), `warns` and `refused` (codes), `printed` (why nothing else can be expected).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from ruamel.yaml import YAML

from stackup.diagnostics import Diagnostic
from stackup.engines.desire import desire
from stackup.engines.desire.facts import ImageFact, Look, Wish
from stackup.stackfile.load import Loaded, Request, load
from stackup.stackfile.remote import RemoteCopy
from stackup.values import Data
from tests.rules.tree import ROOT
from tests.stackfile.tree import CASES, HOME

WEB = "container/web#1"
RESOURCES = {
    "network": ("n", {"networks": ["n"]}),
    "volume": ("v", {"volumes": ["v:/v"]}),
    "secret": ("s", {"secrets": ["s"]}),
    "config": ("c", {"configs": ["c"]}),
}
CLASSES = {
    "must": "a stack of ordinary files breaks without it",
    "should": "real users have it, few stacks need it",
    "host": "kernel or privileges decide",
    "plat": "of a platform that this is not: a cluster, Windows, an engine's API",
}


@dataclass(frozen=True, eq=False)
class Row:
    section: str
    title: str
    prefix: str
    data: dict[str, Any]

    @property
    def element(self) -> str:
        return str(self.data["element"])

    @property
    def path(self) -> str:
        return self.prefix + self.element.removesuffix(" ◆")

    @property
    def name(self) -> str:
        return f"{self.section}: {self.element}"

    def files(self) -> dict[str, str]:
        if "files" in self.data:
            return dict(self.data["files"])
        if "stack" in self.data:
            return {"compose.yaml": self.data["stack"]}
        return {"compose.yaml": dumped(self._stack())}

    def _stack(self) -> dict[str, Any]:
        web = {"image": "i"} | self.data.get("web", {})
        top = dict(self.data.get("top", {}))
        for kind, (key, use) in RESOURCES.items():
            if kind in self.data:
                web |= use
                top[f"{kind}s"] = {key: self.data[kind]}
        web = {key: value for key, value in web.items() if key != "image" or value is not None}
        if "extends" in web:
            del web["image"]
        return {"services": {"web": web, **self.data.get("with", {})}, **top}


def dumped(data: Any) -> str:
    """JSON is YAML, but for tags, which no row of this kind has."""
    return json.dumps(data, ensure_ascii=False)


@cache
def rows() -> tuple[Row, ...]:
    return tuple(_rows())


def _rows() -> Iterator[Row]:
    for path in sorted((CASES / "specification").glob("*.yaml")):
        page = YAML(typ="safe").load(path.read_text())
        for data in page["rows"]:
            yield Row(path.stem.partition("-")[0], page["title"], page.get("prefix", ""), data)


class Facts:
    """Every image and every file is there; variables are the row's. An image's id says how it was looked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        return None

    def image(self, reference: str, look: Look) -> ImageFact | None:
        age = "" if look.age == inf else f"no older than {look.age:g}s"
        return ImageFact(" ".join(filter(None, ("sha256:0", look.platform, age))))

    def built(self, form: Data, *, anyway: bool = False) -> ImageFact:
        return ImageFact("sha256:0")

    def file_digest(self, path: str) -> str:
        return "0"

    def exists(self, path: str) -> bool:
        return True

    def mounts_of(self, container: str) -> None:
        return None

    def file_text(self, path: str, limit: int) -> str | None:
        return '{"defaultAction": "SCMP_ACT_ERRNO"}'

    def has_security_module(self, name: str) -> bool:
        return True

    def variable(self, name: str) -> str | None:
        return self._environ.get(name)

    def seal(self, text: str) -> tuple[str, str]:
        return "0", f"sealed {text}"

    def stored(self, kind: str, name: str) -> str | None:
        return None if name.startswith("missing") else "0"


@dataclass(frozen=True)
class Outcome:
    loaded: Loaded
    desired: dict[str, Data]
    diagnostics: tuple[Diagnostic, ...]

    def codes(self, severity: str) -> list[str]:
        return [item.code for item in self.diagnostics if item.severity.value == severity]


@cache
def run(row: Row) -> Outcome:
    disk = {f"{HOME}/{name}": text.encode() for name, text in row.files().items()}
    environ = row.data.get("environ", {})
    request = Request(
        directory=HOME,
        files=tuple(row.data.get("load", ())),
        environ=environ,
        profiles=tuple(row.data.get("profiles", ())),
        read=disk.get,
        remote=lambda name: RemoteCopy(f"{HOME}/far", (f"{HOME}/{row.data['elsewhere'][name]}",), {}),
        stdin=io.BytesIO(row.data.get("stdin", "").encode()).read,
    )
    return outcome(load(request), environ)


def outcome(loaded: Loaded, environ: Mapping[str, str]) -> Outcome:
    if loaded.stack is None:
        return Outcome(loaded, {}, loaded.diagnostics)
    desired, problems = desire(loaded.stack, dict(loaded.origins), Facts(environ), Wish(), loaded.directory)
    specs = {str(item.address): item.spec for item in desired}
    return Outcome(loaded, specs, (*loaded.diagnostics, *problems))


def effects(row: Row) -> dict[str, dict[str, Any]]:
    """Address to fields."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in row.data.get("effect", {}).items():
        if "/" in key:
            found.setdefault(key, {}).update(value)
        else:
            found.setdefault(WEB, {})[key] = value
    return found


def page() -> str:
    lines = [(ROOT / "tests/conformance/head.md").read_text()]
    title = ""
    for row in rows():
        if row.title != title:
            title = row.title
            lines += [f"\n## {row.section}. {title}\n", "| element | class | here |", "| --- | --- | --- |"]
        lines.append(f"| {_cell(row.element)} | {row.data['class']} | {_here(row)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """What stands in a file looks like it."""
    return f"`{text}`" if " " not in text or re.match(r"[$!-]|[\w.*]+: ", text) else text


def _here(row: Row) -> str:
    found = []
    if "effect" in row.data:
        found.append("takes effect: " + "; ".join(_effect(*item) for item in effects(row).items()))
    elif "gives" in row.data and not {"warns", "printed"} & set(row.data):
        found.append("takes effect while loading")
    if "printed" in row.data:
        found.append(f"read and printed; {row.data['printed']}")
    done = run(row) if "warns" in row.data or "refused" in row.data else None
    if done and "warns" in row.data:
        item = next(item for item in done.diagnostics if item.code in row.data["warns"])
        found.append(f"warning {item.code}: {_words(item)}")
    if done and "refused" in row.data:
        item = next(item for item in done.diagnostics if item.severity.value == "error")
        found.append(f"refused, {item.code}: {item.summary}")
    return ". ".join(found).replace("|", "\\|")


def _words(item: Diagnostic) -> str:
    return (item.detail.partition(": ")[2] or item.summary) if item.code == "SU023" else item.summary


def _effect(address: str, fields: dict[str, Any]) -> str:
    return f"`{address.partition('/')[0]}` {', '.join(f'`{field}`' for field in fields)}"
