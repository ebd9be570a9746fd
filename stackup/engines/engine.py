"""What an engine is: kinds bound to a host, a translation of stacks into those kinds, and direct calls on containers.

Everything above works on any engine: nothing there may assume that the host is this one. Types only, so that the hot
verbs can name an engine without paying for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, Protocol, TypedDict

from stackup.reconcile.resource import Kind, Observed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stackup.engines.desire.builds import Wanted
    from stackup.engines.desire.facts import Facts
    from stackup.errors import StackupError
    from stackup.images.locked import Content
    from stackup.runtime.description import Happening, Usage
    from stackup.runtime.spec import Attachment
    from stackup.values import Data


LARGEST = 16 << 20
"""Bytes of one secret or config: all of a container's lie in memory."""
ANONYMOUS = "com.docker.volume.anonymous"
"""The label of a volume that nobody has given a name; docker's own."""
ONE_OFF = "com.docker.compose.oneoff"
"""The label, `True`, of a container that is not one of its service's replicas: of `run`, or of `pre_start`."""


class Root(NamedTuple):
    """`base` is the number that its user 0 has for who looks from here."""

    fd: int
    base: int = 0


class PublishedPort(TypedDict):
    host_ip: str
    host_port: int
    target: int
    protocol: str


class Container(TypedDict):
    """A container as users see it: our record joined with what the kernel confirms. Times are epoch seconds."""

    stack: str
    service: str
    index: int
    name: str
    address: str
    instance: str
    image: str
    """What the file calls it, e.g. `host`, `shop-base:latest`."""
    image_id: str
    root: str
    """What must be kept for it: the image's id, or the id of the layer of this machine's own root."""
    command: str
    state: Literal["created", "running", "paused", "restarting", "exited", "dead"]
    health: Literal["", "starting", "healthy", "unhealthy"]
    exit_code: int
    error: str
    warning: str
    oom: bool
    oom_reason: str
    """What it ran out of, with the limit's line in the file."""
    restarts: int
    pid: int
    """Of the container's PID 1, as the host numbers it; 0 when it does not run."""
    created_at: float
    started_at: float
    finished_at: float
    ports: list[PublishedPort]
    networks: dict[str, str]
    """Network name on the host to the container's address on it."""
    mounts: list[str]
    labels: dict[str, str]
    keeps: list[str]
    """Ids of the images that it mounts: they must be kept as well."""
    transient: bool
    stopped: bool
    """Somebody stopped it, and not the machine that went down."""
    probe: str
    """The last health probe's output, for whoever waits."""
    tty: bool


class ExecRequest(TypedDict, total=False):
    argv: list[str]
    env: dict[str, str]
    cwd: str
    user: str
    privileged: bool
    tty: bool
    interactive: bool
    detach: bool


class AttachRequest(TypedDict, total=False):
    """What is left out is as docker has it: input is passed on, signals too, ctrl-p ctrl-q leaves a terminal."""

    stdin: bool
    once: bool
    """The container's input ends with the caller's."""
    detach_keys: bytes
    proxy: bool


class Direct(Protocol):
    """Calls that are no reconciliation: they look at containers, or talk to one."""

    def containers(self, stack: str) -> list[Container]:
        """All of a stack, by service and index, one-offs last."""
        ...

    def stacks(self) -> list[str]: ...

    def logs(
        self, container: Container, *, tail: int | None, since: float, until: float, follow: bool
    ) -> Iterator[tuple[int, str, bytes]]:
        """(nanoseconds since the epoch, "stdout" or "stderr", one line without its end)."""
        ...

    def events(self, stack: str, *, since: float, until: float, follow: bool) -> Iterator[Happening]:
        """What happened to a stack's containers between two moments, or what happens from now on (with `since`: from
        then on); a stack that is not there yet has no past.
        """
        ...

    def exec(self, container: Container, request: ExecRequest) -> int:
        """Run a program inside, its streams joined to the caller's 0, 1, 2; the exit code. Detached: 0."""
        ...

    def attach(self, container: Container, request: AttachRequest) -> int:
        """Join the caller's streams to the container's own; its exit code."""
        ...

    def kill(self, containers: Sequence[Container], signal: str) -> Iterator[tuple[Container, StackupError | None]]:
        """All at once; each as it got the signal, or after SIGKILL as it is gone, with what went wrong."""
        ...

    def pause(
        self, containers: Sequence[Container], *, paused: bool
    ) -> Iterator[tuple[Container, StackupError | None]]:
        """All at once; each as it stands still, or goes on, with what went wrong."""
        ...

    def watch(self, container: Container) -> Iterator[Container]:
        """The container now and after each change of state or health, until it is gone for good."""
        ...

    def networks(self) -> list[dict[str, Any]]:
        """All of this host, with the containers that are on them."""
        ...

    def connect(self, container: Container, network: str, place: Attachment, links: Mapping[str, str]) -> None:
        """Onto a network by its real name, also while it runs. `links`: alias to container, until it leaves."""
        ...

    def disconnect(self, container: Container, network: str, *, force: bool) -> None: ...

    def volumes(self) -> list[dict[str, Any]]:
        """All of this host, with the containers that use them."""
        ...

    def volume(self, volume: Mapping[str, Any]) -> AbstractContextManager[int]:
        """A descriptor of the folder with its files; `volume` is one of `volumes`."""
        ...

    def processes(self, container: Container) -> list[dict[str, str]]:
        """Rows of `top`: UID, PID, PPID, C, STIME, TTY, TIME, CMD."""
        ...

    def usage(self, container: Container) -> Usage:
        """As far as it has come; all 0 for one that does not run."""
        ...

    def root(self, container: Container) -> AbstractContextManager[Root]:
        """The container's root with its volumes, whether it runs or not, to read and to write. What this thread makes
        meanwhile is made as its user 0.
        """
        ...

    def owner(self, container: Container, root: Root) -> tuple[int, int]:
        """The uid and gid in the root of the container's program, by the users that the root knows."""
        ...

    def changes(self, container: Container, *, pause: bool) -> AbstractContextManager[int]:
        """A descriptor of what the container has changed on top of its image, as an overlay's upper directory.

        `pause`: nothing changes meanwhile.
        """
        ...


class Engine(Protocol):
    stop_timeout: float | None
    """Seconds that a stop may take before it becomes a kill; None: as each container says."""
    parks: bool
    """Nobody wants what is stopped to stay so: the machine goes down."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> Mapping[str, Kind]: ...

    @property
    def direct(self) -> Direct: ...

    def sweep(self) -> Sequence[str]:
        """Remove what killed writers left that is not a resource yet, mend what is damaged and tell that; only by a
        writer that holds the stack's lock.
        """
        ...

    def close(self) -> None:
        """Let go of helper processes; what runs goes on running."""
        ...


class Pins(Protocol):
    def pinned(self, reference: str) -> str | None:
        """The reference in full with its digest, `registry/name:tag@sha256:...`; None when no digest is known."""
        ...

    def here(self, reference: str, platform: str) -> Content | None:
        """What the name is on this machine, its digest when it came from a registry; None when it is not here."""
        ...

    def asked(self, reference: str, platform: str) -> Content:
        """What the name is at its registry. Raises StackupError when that cannot be known."""
        ...


class Builder(Protocol):
    """Builds images from the normal forms of `desire.builds`."""

    def dockerfile(self, form: Data) -> tuple[str, str]:
        """Its text and its path. Raises StackupError when it cannot be read."""
        ...

    def receive(self, stream: BinaryIO) -> str:
        """Keeps the build context that a stream is; what a normal form calls it, `-` if nothing comes."""
        ...

    def build(self, form: Data, wanted: Wanted, tell: Any) -> tuple[str, int]:
        """The image's id, and how many layers were not there before; it has its names then.

        Raises `images.build.request.Unbuildable` and StackupError.
        """
        ...


class Stored(TypedDict):
    """A secret or config that belongs to no stack, without its bytes. Times are epoch seconds."""

    id: str
    name: str
    labels: dict[str, str]
    created_at: float
    updated_at: float
    digest: str


class Vault(Protocol):
    """The host's own secrets and configs, by kind and name: what `external` means."""

    def all(self, kind: str) -> list[Stored]:
        """By name."""
        ...

    def find(self, kind: str, name: str) -> Stored | None: ...

    def content(self, kind: str, name: str) -> bytes: ...

    def create(self, kind: str, name: str, data: bytes, labels: Mapping[str, str], *, replace: bool) -> Stored:
        """Raises UsageError for a name that cannot be one, or that is taken and not to be replaced."""
        ...

    def remove(self, kind: str, name: str) -> None:
        """Raises UsageError while a stack uses it; gone already is success."""
        ...


class Host(Protocol):
    """A place that runs stacks: the one seam between the use cases and an engine. Opening one costs nothing yet."""

    @property
    def direct(self) -> Direct: ...

    def engine(self, stack: str) -> Engine:
        """The kinds bound to this stack; opened only when something is planned."""
        ...

    def facts(self) -> Facts: ...

    def pins(self) -> Pins:
        """Who knows the digests of images here."""
        ...

    @property
    def vault(self) -> Vault: ...

    def builder(self) -> Builder:
        """Who reads Dockerfiles and builds. What it builds raises Unsupported where nothing is built."""
        ...

    def inputs(self) -> list[str]:
        """Files that a desired set rests on besides the stack's own, such as the image tags: a change is a new set."""
        ...

    def free_ports(self, places: Sequence[tuple[str, str]], avoid: frozenset[int]) -> list[int]:
        """A free port of the host for each (address, protocol), all of them different and none of `avoid`."""
        ...

    def unchanged(self, stack: str, rows: list[dict[str, Any]]) -> bool:
        """Hot: whether records and kernel agree with a cached desired set (`codec.desired_out` rows) in everything."""
        ...

    def findings(self) -> list[Finding]:
        """What `doctor` tells of this machine."""
        ...


class Finding(TypedDict):
    """One thing that was looked at. `hint`: the remedy, empty when nothing is wrong."""

    level: Literal["ok", "warning", "error"]
    subject: str
    text: str
    hint: str


def observe(kinds: Iterable[Kind], stack: str) -> tuple[Observed, ...]:
    """Everything of a stack that is there, in the order of addresses."""
    found = [seen for kind in kinds for seen in kind.observe(stack)]
    return tuple(sorted(found, key=lambda seen: seen.address))
