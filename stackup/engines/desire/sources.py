"""Secrets and configs in normal form: where their bytes come from, and a digest by which other bytes show.

The bytes themselves are in no normal form, since a record, a plan file and the cache are made of those. What the file
or a variable says is sealed for the host that will write it; a file is read when it is written, and what `external`
names stays in the host's store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackup.errors import HostError, StackupError
from stackup.reconcile.resource import Desired
from stackup.values import Address, Data

if TYPE_CHECKING:
    from stackup.engines.desire.facts import Context, Facts
    from stackup.stackfile.model import Config, Secret, Stack

FILE, ENVIRONMENT, CONTENT, EXTERNAL = "file", "environment", "content", "external"


@dataclass(frozen=True, slots=True)
class Source:
    """`part` is the key of the file that says it, `detail` a path, a variable, the text, or a name in the store."""

    kind: str
    part: str
    detail: str

    def place(self) -> str:
        """How a normal form says it; what the file says itself is not repeated."""
        return self.part if self.part == CONTENT else f"{self.part}:{self.detail}"

    def text(self, facts: Facts) -> str | None:
        """Of those whose bytes are known while the stack is translated."""
        return facts.variable(self.detail) if self.part == ENVIRONMENT else self.detail

    def missing(self) -> HostError:
        if self.part == ENVIRONMENT:
            hint = f"set {self.detail} and run the command again"
            return HostError(f'the variable "{self.detail}" is not set', hint=hint)
        hint = f"`stackup {self.kind} create {self.detail} FILE` makes it"
        return HostError(f'there is no {self.kind} "{self.detail}" on this host', hint=hint)


def source_of(kind: str, said: Secret | Config) -> Source:
    """Exactly one of the four is there: the check of the stack has seen to it."""
    if said.file is not None:
        return Source(kind, FILE, said.file)
    if said.environment is not None:
        return Source(kind, ENVIRONMENT, said.environment)
    content = getattr(said, CONTENT, None)
    return Source(kind, EXTERNAL, said.name) if content is None else Source(kind, CONTENT, content)


def files(stack: Stack, context: Context) -> Iterator[Desired]:
    """Those that a service asks for."""
    for kind, sources in (("secret", stack.secrets), ("config", stack.configs)):
        used = {
            grant.source
            for service in stack.services.values()
            for grant in (service.secrets if kind == "secret" else service.configs)
        }
        for key, said in sources.items():
            if key in used:
                yield _desired(key, source_of(kind, said), said.name, context)


def _desired(key: str, source: Source, name: str, context: Context) -> Desired:
    span = context.span(f"{source.kind}s", key)
    own = context.span(f"{source.kind}s", key, source.part)
    digest = sealed = ""
    try:
        digest, sealed = _bytes(source, context.facts)
    except StackupError as problem:
        detail = f'{source.kind} "{key}": {problem.message}'
        context.problems.error("SU102", "a secret or config has no bytes", detail=detail, span=own, hint=problem.hint)
    spec: Data = {"name": name, "kind": source.kind, "source": source.place(), "digest": digest, "sealed": sealed}
    origins = {(): span, ("digest",): own, ("source",): own}
    return Desired(Address(source.kind, key), spec, origins={at: found for at, found in origins.items() if found})


def _bytes(source: Source, facts: Facts) -> tuple[str, str]:
    """(digest, sealed). Raises StackupError when there are none."""
    if source.part == FILE:
        return facts.file_digest(source.detail), ""
    if source.part == EXTERNAL:
        found = facts.stored(source.kind, source.detail)
        if found is None:
            raise source.missing()
        return found, ""
    text = source.text(facts)
    if text is None:
        raise source.missing()
    return facts.seal(text)


def build_source(kind: str, said: Secret, facts: Facts) -> Data:
    """For a step of a build, whose key has no part in it; what is missing is said when a step asks for it."""
    source = source_of(kind, said)
    text = None if source.part in (FILE, EXTERNAL) else source.text(facts)
    if text is None and source.part == ENVIRONMENT:
        return {}
    sealed = "" if text is None else facts.seal(text)[1]
    return {"kind": kind, "source": source.place(), "sealed": sealed}
