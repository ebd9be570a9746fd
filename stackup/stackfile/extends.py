"""`extends`: a service on top of another one, of the same file or another, chains included.

The base is resolved first, then the service's own keys are merged over it by the rules of `merge`. Paths of the base
hang off the base's file, since it was relocated when it was read. A chain that comes back is an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from stackup.diagnostics import Diagnostics, Related
from stackup.stackfile.advice import meant, refuse_unknown
from stackup.stackfile.document import Mapping, Node, Scalar, section, with_value, without
from stackup.stackfile.merge import merge_service, settle
from stackup.stackfile.model.reuse import EXTENDS_KEYS
from stackup.stackfile.through import Step

MAX_CHAIN = 50

Reader: TypeAlias = "Callable[[Scalar], Mapping | None]"
"""Gives the services of another file as they stand there; None after it has said why not."""
Link: TypeAlias = "tuple[str, str]"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`earlier` are the services of the files before the one that extends; `steps` is told who extends whom."""

    read: Reader
    diagnostics: Diagnostics
    earlier: Mapping
    steps: list[Step] = field(default_factory=list)


def extend(root: Mapping, source: str, around: Surroundings) -> Mapping:
    """The document with every `extends` resolved."""
    services = section(root, "services")
    resolver = _Resolver(around)
    for name in services.entries:
        own = services.get(name)
        if isinstance(own, Mapping) and "extends" in own.entries:
            services = with_value(services, name, resolver.resolve(name, services, source, ()))
    return with_value(root, "services", services) if services.entries else root


@dataclass(slots=True)
class _Resolver:
    around: Surroundings
    done: dict[Link, Mapping] = field(default_factory=dict)

    def resolve(self, name: str, services: Mapping, source: str, chain: tuple[Link, ...]) -> Mapping:
        """The service with its base beneath it; without a base, after a diagnostic, when that cannot be had."""
        link = (source, name)
        if link in self.done:
            return self.done[link]
        service = services.get(name)
        if not isinstance(service, Mapping):
            return Mapping({}, services.span)
        extends = service.get("extends")
        own = without(service, "extends")
        if extends is None:
            return own
        base = self._base(extends, services, source, (*chain, link))
        self.done[link] = merge_service(settled(base), own) if base is not None else own
        return self.done[link]

    def _base(self, extends: Node, services: Mapping, source: str, chain: tuple[Link, ...]) -> Mapping | None:
        if isinstance(extends, Mapping):
            refuse_unknown(extends, EXTENDS_KEYS, "extends", self.around.diagnostics)
        name = _text(extends, "service")
        if name is None:
            self.around.diagnostics.error(
                "SU021", "a value is not valid", span=extends.span, detail="extends needs a service"
            )
            return None
        other = _text(extends, "file")
        if other is not None and str(other.value) != source:
            elsewhere = self.around.read(other)
            if elsewhere is None:
                return None
            services, source = elsewhere, str(other.value)
        target = str(name.value)
        if target not in services.entries and other is None and target in self.around.earlier.entries:
            services, source = self.around.earlier, ""
        found = services.entries.get(target)
        if found is None or not isinstance(found.value, Mapping):
            self._unknown(name, other, services)
            return None
        self.around.steps.append(Step(chain[-1][1], name.span, found.key, found.value.span))
        if (source, target) in chain or len(chain) > MAX_CHAIN:
            self._cycle(name, target, chain, services)
            return None
        return self.resolve(target, services, source, chain)

    def _unknown(self, name: Scalar, file: Scalar | None, services: Mapping) -> None:
        where = f' in "{file.text}"' if file else ""
        known = f"services there: {', '.join(services.entries) or 'none'}"
        self.around.diagnostics.error(
            "SU017",
            "an extended service does not exist",
            detail=f'"{name.value}" is not a service{where}',
            span=name.span,
            hint=meant(str(name.value), services.entries, known),
        )

    def _cycle(self, name: Scalar, target: str, chain: tuple[Link, ...], services: Mapping) -> None:
        path = " -> ".join([service for _, service in chain] + [target])
        entry = services.entries.get(target)
        self.around.diagnostics.error(
            "SU016",
            "services extend each other in a circle" if len(chain) <= MAX_CHAIN else "services extend too many others",
            detail=path,
            span=name.span,
            related=(Related("defined here", entry.key),) if entry else (),
            hint="let one of them stand on its own",
        )


def settled(base: Mapping) -> Mapping:
    """A base whose own tags have acted: they spoke about what it extends."""
    done = settle(base)
    return done if isinstance(done, Mapping) else base


def _text(extends: Node, key: str) -> Scalar | None:
    node = extends.get(key) if isinstance(extends, Mapping) else None
    return node if isinstance(node, Scalar) and isinstance(node.value, str) and node.value else None
