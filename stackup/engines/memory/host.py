"""A whole host in memory: what a use case needs of an engine, on dictionaries. Every image is there, every file too."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO

from stackup.engines.desire.effects import EFFECTS, RUNNABLE
from stackup.engines.desire.facts import ImageFact, Look
from stackup.engines.dockerfiles import dockerfile_of
from stackup.engines.engine import observe
from stackup.engines.memory.direct import MemoryDirect
from stackup.engines.memory.vault import MemoryVault
from stackup.engines.memory.world import MemoryEngine, World
from stackup.errors import RemoteError, Unsupported
from stackup.images.locked import Content, platform_of
from stackup.reconcile.codec import desired_in
from stackup.reconcile.decide import Policy, decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stackup.engines.desire.builds import Wanted
    from stackup.engines.engine import Builder, Direct, Engine, Finding
    from stackup.values import Data


class MemoryFacts:
    """An image's id is its reference spelled out; a file's digest its path. `remote...` must be fetched first."""

    def __init__(
        self, environ: Mapping[str, str], images: frozenset[str] = frozenset(), vault: MemoryVault | None = None
    ) -> None:
        self._environ = environ
        self._images = images
        self._vault = vault or MemoryVault()

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        return None

    def image(self, reference: str, look: Look) -> ImageFact | None:
        if reference.startswith("missing"):
            return None
        away = look.ask and reference.startswith("remote") and reference not in self._images
        return ImageFact(f"id-of-{reference}", fetch={"name": reference} if away else None)

    def built(self, form: Data, *, anyway: bool = False) -> ImageFact:
        """Due until it is there, as what must be fetched is."""
        name = str(form["name"])
        due = name not in self._images
        return ImageFact(f"id-of-{name}", fetch={"name": name, "build": form} if due else None)

    def file_digest(self, path: str) -> str:
        return path

    def exists(self, path: str) -> bool:
        return True

    def mounts_of(self, container: str) -> None:
        return None

    def file_text(self, path: str, limit: int) -> str | None:
        return None

    def has_security_module(self, name: str) -> bool:
        return False

    def variable(self, name: str) -> str | None:
        return self._environ.get(name)

    def seal(self, text: str) -> tuple[str, str]:
        return sha256(text.encode()).hexdigest(), ""

    def stored(self, kind: str, name: str) -> str | None:
        found = self._vault.find(kind, name)
        return found["digest"] if found else None


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


class MemoryBuilder:
    """Dockerfiles are read, and nothing is built."""

    def dockerfile(self, form: Data) -> tuple[str, str]:
        return dockerfile_of(form)

    def receive(self, stream: BinaryIO) -> str:
        raise Unsupported("no build context is kept in memory", subject="build")

    def build(self, form: Data, wanted: Wanted, tell: Any) -> tuple[str, int]:
        raise Unsupported("nothing is built in memory", subject="build")


class MemoryHost:
    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.world = World()
        self.environ = environ or {}
        self.opened: list[MemoryEngine] = []
        self.vault = MemoryVault()

    @property
    def direct(self) -> Direct:
        return MemoryDirect(self.world)

    def engine(self, stack: str) -> Engine:
        self.opened.append(MemoryEngine(self.world, stack, EFFECTS, RUNNABLE))
        return self.opened[-1]

    def facts(self) -> MemoryFacts:
        return MemoryFacts(self.environ, frozenset(self.world.images), self.vault)

    def pins(self) -> MemoryPins:
        return MemoryPins(frozenset(self.world.images))

    def builder(self) -> Builder:
        return MemoryBuilder()

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
