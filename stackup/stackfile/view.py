"""What a rule of `check` gets to see: the typed stack, where things stand in the files, and which services run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stackup.diagnostics import Diagnostics, Related, Span
from stackup.stackfile.advice import MAX_ADVICE, meant
from stackup.stackfile.document import Path
from stackup.stackfile.model.service import Service
from stackup.stackfile.model.stack import Stack


@dataclass(frozen=True, slots=True)
class View:
    """`whole` is False when wrong values were cut out of the stack: what is absent may have been there."""

    stack: Stack
    origins: Mapping[Path, Span]
    enabled: frozenset[str]
    diagnostics: Diagnostics
    whole: bool

    def services(self) -> Iterator[tuple[str, Service]]:
        """The services that run."""
        return ((name, service) for name, service in self.stack.services.items() if name in self.enabled)

    def span(self, *path: str | int) -> Span | None:
        """Where `path` stands, or else the nearest thing around it."""
        for length in range(len(path), 0, -1):
            found = self.origins.get(path[:length])
            if found is not None:
                return found
        return None

    def error(self, code: str, summary: str, path: Path, detail: str, **rest: object) -> None:
        self.diagnostics.error(code, summary, span=self.span(*path), detail=detail, **rest)

    def meant(self, name: str, known: Iterable[str], otherwise: str) -> str:
        """Advice about a name that does not exist."""
        return meant(name, known, otherwise) if len(self.diagnostics) < MAX_ADVICE else otherwise

    def related(self, label: str, *path: str | int) -> tuple[Related, ...]:
        span = self.span(*path)
        return (Related(label, span),) if span else ()
