"""A whole host in memory: what a use case needs of an engine, on dictionaries. Every image is there, every file too."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from stackup.engines.desire.effects import EFFECTS, RUNNABLE
from stackup.engines.desire.facts import ImageFact, Look
from stackup.engines.engine import observe
from stackup.engines.memory.direct import MemoryDirect
from stackup.engines.memory.world import MemoryEngine, World
from stackup.errors import RemoteError
from stackup.images.locked import Content, platform_of
from stackup.reconcile.codec import desired_in
from stackup.reconcile.decide import Policy, decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stackup.engines.engine import Direct, Engine, Finding


class MemoryFacts:
    """An image's id is its reference spelled out; a file's digest its path. `remote...` must be fetched first."""

    def __init__(self, environ: Mapping[str, str], images: frozenset[str] = frozenset()) -> None:
        self._environ = environ
        self._images = images

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        return None

    def image(self, reference: str, look: Look) -> ImageFact | None:
        if reference.startswith("missing"):
            return None
        away = look.ask and reference.startswith("remote") and reference not in self._images
        return ImageFact(f"id-of-{reference}", fetch={"name": reference} if away else None)

    def file_digest(self, path: str) -> str | None:
        return path

    def variable(self, name: str) -> str | None:
        return self._environ.get(name)


class MemoryPins:
    """A digest is the sha256 of the reference."""

    def __init__(self, images: frozenset[str] = frozenset()) -> None:
        self._images = images

    def pinned(self, reference: str) -> str | None:
        if reference.startswith("missing"):
            return None
        return reference if "@" in reference else f"{reference}@{_digest(reference)}"

    def here(self, reference: str, platform: str) -> Content | None:
        there = not reference.startswith(("missing", "remote")) or reference in self._images
        return self.asked(reference, platform) if there else None

    def asked(self, reference: str, platform: str) -> Content:
        if reference.startswith("missing"):
            raise RemoteError(f'there is no image "{reference}"', subject=reference)
        return Content(_digest(reference), {platform_of(platform): _digest(f"id of {reference}")})


def _digest(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


class MemoryHost:
    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.world = World()
        self.environ = environ or {}
        self.opened: list[MemoryEngine] = []

    @property
    def direct(self) -> Direct:
        return MemoryDirect(self.world)

    def engine(self, stack: str) -> Engine:
        self.opened.append(MemoryEngine(self.world, stack, EFFECTS, RUNNABLE))
        return self.opened[-1]

    def facts(self) -> MemoryFacts:
        return MemoryFacts(self.environ, frozenset(self.world.images))

    def pins(self) -> MemoryPins:
        return MemoryPins(frozenset(self.world.images))

    def builder(self) -> None:
        return None

    def inputs(self) -> list[str]:
        return []

    def free_ports(self, places: Sequence[tuple[str, str]], avoid: frozenset[int]) -> list[int]:
        numbers = (number for number in range(40000, 60000) if number not in avoid)
        return [next(numbers) for _ in places]

    def unchanged(self, stack: str, rows: list[dict[str, Any]]) -> bool:
        seen = observe(MemoryEngine(self.world, stack, EFFECTS, RUNNABLE).kinds.values(), stack)
        changes = decide([desired_in(row) for row in rows], seen, EFFECTS, Policy())
        return all(change.idle for change in changes)

    def findings(self) -> list[Finding]:
        return [{"level": "ok", "subject": "memory", "text": "everything is possible here", "hint": ""}]
