"""What instructions mean, as values: flags read, arguments counted, nothing expanded yet.

A closed union, `Command`. Fields with variables in them are still as written; `evaluate` expands those that BuildKit
expands. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from stackup.images.build.dockerfile import Instruction
from stackup.images.build.heredoc import Heredoc
from stackup.images.manifest import Healthcheck


@dataclass(frozen=True, slots=True)
class From:
    base: str
    name: str
    """In lower case; empty if the stage has none."""
    platform: str


@dataclass(frozen=True, slots=True)
class Arg:
    items: tuple[tuple[str, str | None], ...]
    """Names with their defaults."""


@dataclass(frozen=True, slots=True)
class Env:
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Label:
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A command line; in shell form it is one text that the shell gets."""

    words: tuple[str, ...]
    shell: bool


@dataclass(frozen=True, slots=True)
class Run:
    line: Line
    mounts: tuple[str, ...] = ()
    """As written behind `--mount=`."""
    network: str = "default"
    security: str = "sandbox"
    heredocs: tuple[Heredoc, ...] = ()


@dataclass(frozen=True, slots=True)
class Adding:
    """What ADD can do and COPY cannot."""

    checksum: str = ""
    keep_git_dir: bool = False
    unpack: bool | None = None
    """None: local archives are unpacked, downloaded ones are not."""


@dataclass(frozen=True, slots=True)
class Copy:
    sources: tuple[str, ...]
    target: str
    documents: tuple[Heredoc, ...] = ()
    origin: str = ""
    """`--from`: a stage, its number, a named context or an image; empty for the build context."""
    chown: str = ""
    chmod: str = ""
    link: bool = False
    parents: bool = False
    exclude: tuple[str, ...] = ()
    adding: Adding | None = None
    """None for COPY."""


@dataclass(frozen=True, slots=True)
class Workdir:
    path: str


@dataclass(frozen=True, slots=True)
class User:
    name: str


@dataclass(frozen=True, slots=True)
class Expose:
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopSignal:
    signal: str


@dataclass(frozen=True, slots=True)
class Shell:
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cmd:
    line: Line


@dataclass(frozen=True, slots=True)
class Entrypoint:
    line: Line


@dataclass(frozen=True, slots=True)
class Health:
    check: Healthcheck


@dataclass(frozen=True, slots=True)
class Onbuild:
    text: str
    """The trigger in full, heredocs included, as an image's configuration keeps it."""


@dataclass(frozen=True, slots=True)
class Maintainer:
    name: str


Meaning: TypeAlias = (
    "Arg | Env | Label | Run | Copy | Workdir | User | Expose | Volume | StopSignal | Shell | Cmd | Entrypoint"
    " | Health | Onbuild | Maintainer"
)


@dataclass(frozen=True, slots=True)
class Command:
    """One instruction of a stage: what it means, and where it stands."""

    meaning: Meaning
    written: Instruction
    triggered: bool = False
    """It came from an ONBUILD of the base; `written` is the trigger."""
