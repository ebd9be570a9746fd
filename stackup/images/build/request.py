"""What a build is asked for, and what it reports: values only, between those who ask and `solve`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from stackup.diagnostics import Diagnostic
from stackup.errors import StackupError
from stackup.images.manifest import ImageConfig

if TYPE_CHECKING:
    from stackup.images.build.recipe import Remote
    from stackup.images.download import Download
    from stackup.stamps import Stamp


@dataclass(frozen=True, slots=True)
class Base:
    """An image that something is built on or copied from; `layers` are the store's, the bottom one first."""

    id: str
    config: ImageConfig
    layers: tuple[str, ...]
    history: tuple[str, ...] = ()
    """What it tells of its layers, one entry each."""
    on_host: bool = False
    """This machine's own /usr lies beneath its layers."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A folder with the files of a commit of a repository; with `.git` in it where that was asked for."""

    folder: str
    name: str


class Bases(Protocol):
    """Where images and what ADD fetches come from. Raises StackupError when there is none."""

    def image(self, reference: str, platform: str) -> Base: ...

    def host(self) -> Base: ...

    def repository(self, remote: Remote) -> Commit:
        """Raises StackupError, also where its commit is not the one that `checksum` begins."""
        ...

    def download(self, remote: Remote) -> Download:
        """A file that has the checksum, if there is one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`context` is a folder, empty for none. `contexts`: names to a folder, or `docker-image://NAME`."""

    dockerfile: str
    source: str = "Dockerfile"
    """What to call it in messages; its own .dockerignore stands beside it in the context."""
    seen: Stamp | None = None
    """The Dockerfile's stamp, taken before it was read."""
    context: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()
    again: str = field(default_factory=lambda: os.urandom(8).hex())
    """What names the layers that are made without the cache; as good as random."""
    apart: str = ""
    """The caches that the stack file names; its steps have names that only builds with the same ones share."""
    pull: bool = False
    """Bases are looked for at their registries, whatever is here."""
    locked: Mapping[str, str] = field(default_factory=dict)
    """Names of images, in full, to what they are held to."""

    @property
    def epoch(self) -> int | None:
        """SOURCE_DATE_EPOCH: no file that a step makes is younger."""
        text = self.args.get("SOURCE_DATE_EPOCH", "")
        return int(text) if text.isdecimal() and len(text) < 12 else None


class Unbuildable(StackupError):
    """Problems of a Dockerfile or of its build, with the text that their spans are in."""

    code = "unbuildable"

    def __init__(self, diagnostics: tuple[Diagnostic, ...], source: str, text: str) -> None:
        first = diagnostics[0]
        super().__init__(first.detail or first.summary, subject=source, hint=first.hint)
        self.diagnostics = diagnostics
        self.source = source
        self.text = text
        self.said: tuple[str, ...] = ()
        """The last lines of the step that failed."""
        self.image = ""
        """The name of what was to be built."""


@dataclass(frozen=True, slots=True)
class StepBegun:
    """`label` names it for people: `[builder 2/5] RUN make`."""

    step: int
    label: str


@dataclass(frozen=True, slots=True)
class StepSaid:
    """A line that a RUN wrote."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class StepDone:
    step: int
    label: str
    cached: bool
    seconds: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """Something is not as the file wishes, and the build goes on without it."""

    text: str


StepTold: TypeAlias = "StepBegun | StepSaid | StepDone"
Told: TypeAlias = "StepTold | Warned"


class Tell(Protocol):
    """Called from several threads, one call at a time."""

    def __call__(self, told: Told, /) -> None: ...
