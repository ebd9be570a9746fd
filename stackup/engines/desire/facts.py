"""What translating a stack has to know of the outside, as a protocol: so that desiring stays the same on every host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Literal, Protocol

from stackup.diagnostics import Diagnostics, Span
from stackup.reconcile.diff import origin_of
from stackup.reconcile.resource import Run

if TYPE_CHECKING:
    from stackup.images.locked import Locked
    from stackup.reconcile.resource import Desired
    from stackup.stamps import Stamp
    from stackup.values import Data


ABSENT = "it is not here"
"""Why an image is due that never was."""


@dataclass(frozen=True, slots=True)
class ImageFact:
    """An image: its id, and whether it brings a health check or volumes of its own.

    `fetch` is the normal form of an image that must be fetched first, None for one that is here. `until`, in seconds
    since the epoch, is when this answer must be asked for again. `reads` are the paths that it rests on, as they were
    before they were read.
    """

    id: str
    healthcheck: bool = False
    volumes: tuple[str, ...] = ()
    fetch: Data | None = None
    until: float = inf
    reads: Mapping[str, Stamp | None] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Look:
    """How to look for an image: how old what is here may be, in seconds; whether its registry may be asked; `once`,
    when something else will do: what fails for a while is not tried again.
    """

    age: float = inf
    ask: bool = True
    platform: str = ""
    once: bool = False


class Facts(Protocol):
    """Read-only; asked once for each thing."""

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        """These images will be asked for: whatever takes long may be looked up for all of them at once."""
        ...

    def image(self, reference: str, look: Look) -> ImageFact | None:
        """None when there is no such image and its registry may not be asked. StackupError when that is in vain."""
        ...

    def built(self, form: Data, *, anyway: bool = False) -> ImageFact:
        """Of an image that is built from this normal form (`desire.builds`); `fetch` is that of one that is due.
        Those that it begins with were asked for before. One from elsewhere (pulled, loaded) that has its name is left
        as it is, but not with `anyway`. StackupError when it cannot be built.
        """
        ...

    def file_digest(self, path: str) -> str:
        """Of a secret's or config's bytes, so that others show. Raises StackupError for a file that cannot be read."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is anything at an absolute path of the host."""
        ...

    def mounts_of(self, container: str) -> dict[str, Any] | None:
        """The mounts of a container of any stack, volumes by their names on the host; None when there is none."""
        ...

    def file_text(self, path: str, limit: int) -> str | None:
        """A regular file's text; None when it cannot be read or is larger than `limit` bytes."""
        ...

    def has_security_module(self, name: str) -> bool:
        """Whether the machine's kernel runs it: `apparmor`, `selinux`."""
        ...

    def variable(self, name: str) -> str | None: ...

    def seal(self, text: str) -> tuple[str, str]:
        """(digest, the text as only this host can read it), each the same for the same text."""
        ...

    def stored(self, kind: str, name: str) -> str | None:
        """The digest of a secret or config that belongs to no stack; None when there is none with this name."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """How a command bends the stack: the wanted run state, other counts of replicas, other ports."""

    run: Run = Run.RUNNING
    scale: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    """Reserved ports of the host, by `container.port_key`, instead of the file's."""
    variables: dict[str, str] = field(default_factory=dict)
    """What every service is told besides its own environment."""
    pull: str = ""
    """Before every service's own `pull_policy`."""
    build: Literal["due", "all", "none"] = "due"
    """Which images are built: those whose inputs changed, also those that were brought from elsewhere, or none."""
    locked: Locked | None = None
    """What names of images are held to; None where there is no lock."""


Path = tuple[str | int, ...]
Origins = dict[Path, Span]
"""Where each value of the stack files stands, by its path in long form."""


@dataclass(slots=True)
class Context:
    """Handed through the translation of one stack."""

    facts: Facts
    wish: Wish
    origins: Origins
    directory: str = ""
    """Where paths start that the loader leaves alone."""
    problems: Diagnostics = field(default_factory=Diagnostics)
    fetches: dict[str, list[Desired]] = field(default_factory=dict)
    """By service: images that it needs and that are not here yet."""
    mounted: dict[str, str] = field(default_factory=dict)
    """Ids of images that are mounted, by what the file calls them."""
    builds: dict[str, ImageFact] = field(default_factory=dict)
    """By service: the images that are built."""
    _keys: dict[Path, list[Path]] = field(default_factory=dict)

    def below(self, *parent: str | int) -> list[Path]:
        """The paths of the keys of a service's mapping, as in `services.web.labels`; sorted out once for all of them,
        since every service asks.
        """
        if not self._keys:
            for path in self.origins:
                if len(path) == 4:
                    self._keys.setdefault(path[:3], []).append(path)
        return self._keys.get(parent, [])

    def span(self, *path: str | int) -> Span | None:
        """The span of a path in the file, or of what encloses it."""
        return origin_of(self.origins, path)

    def unhonoured(self, detail: str, *path: str | int) -> None:
        """What the file asks for there has no effect, and `detail` says why."""
        self.problems.warning(
            "SU104", "an option is not honoured", detail=detail, span=self.span(*path), label="no effect"
        )
