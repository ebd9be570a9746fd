"""What the command tells a monitor about its container, and what the monitor tells the world. Types only.

A Description is compiled by the command from a ContainerSpec, an image's config and the host's facts; it crosses to the
launcher as JSON, and nothing in it is decided later. A Status is written by the monitor alone, to `status.json`.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Operation(TypedDict, total=False):
    """One set-up operation performed in the container's child, in order. `op` names it; the rest is its arguments.

    See `runtime.rootfs` for what compiles them and `runtime.mounting` for what performs them.
    """

    op: str
    target: str
    """A path inside the root, or what the operation is about."""
    source: str
    """An absolute path of the host."""
    subpath: str
    """Resolved beneath `source`, which its links cannot leave."""
    mntns: str
    """The mount namespace that `source` is in, when it is not the host's."""
    create: bool
    owners: str
    """Whose the source's files are inside; see `runtime.idmaps`."""
    owned: bool
    """Its files are to be seen as `owners` and the container's user namespace have it."""
    recursive: bool
    read_only: bool
    shallow: bool
    """Read-only for the mount itself, not for what is mounted beneath it."""
    propagation: str
    copy_up: bool
    lowers: list[str]
    upper: str
    work: str
    fstype: str
    options: dict[str, str]
    attributes: int
    """MOUNT_ATTR_* of mount_setattr(2)."""
    kind: str
    major: int
    minor: int
    mode: int
    uid: int
    gid: int
    text: str


class Namespaces(TypedDict):
    """Each value: "" a new private one, "host" the host's, or a path to join."""

    net: str
    pid: str
    ipc: str
    uts: str
    cgroup: str


class Process(TypedDict):
    """What runs: the container's own program, an exec, a health probe. Names are resolved inside the root."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    user: str
    """`""` (root), `name`, `uid`, `name:group`, `uid:gid`."""
    groups: list[str]
    capabilities: list[str]
    """The exact bounding, permitted and effective set for root; other users keep only the bounding set."""
    no_new_privs: bool
    rlimits: dict[str, list[int]]
    oom_score_adj: int
    seccomp: NotRequired[str]
    """The host's file with the compiled filter; empty or absent: none."""
    apparmor: NotRequired[str]
    """The name of a profile that the host has loaded."""
    users: NotRequired[str]
    """The file of its user namespace; empty or absent: the host's."""


class Health(TypedDict):
    test: list[str]
    interval: int
    timeout: int
    retries: int
    start_period: int
    start_interval: int


class HeldPort(TypedDict):
    """A host port that the monitor holds by listening on it. `port` is a number by now."""

    host_ip: str
    port: int
    target: int
    protocol: str
    shared: NotRequired[bool]
    """Other replicas hold it as well."""


class About(TypedDict):
    """Who a container is to those who watch a stack's events, and the folder that these are written to."""

    folder: str
    service: str
    id: str
    attributes: dict[str, str]
    """Its name, image and labels."""
    transient: bool
    """Made by `run`."""


class Happening(TypedDict):
    """Something that happened to a container; `at` is in nanoseconds since the epoch."""

    at: int
    service: str
    id: str
    action: str
    attributes: dict[str, str]
    transient: bool


class Description(TypedDict):
    stack: str
    address: str
    name: str
    instance: str
    state_dir: str
    live_dir: str
    namespaces: Namespaces
    operations: list[Operation]
    process: Process
    init: bool
    tty: bool
    stdin_open: bool
    cgroups: list[str]
    """Directories whose cgroup.procs the container's processes join: one on v2, one a controller on v1."""
    monitor_cgroups: list[str]
    restart: dict[str, int | str]
    health: Health | None
    stop: dict[str, int | str]
    log: Log
    ports: list[HeldPort]
    ports_to: NotRequired[str]
    """The container's own address on its gateway network, which a held port passes connections on to."""
    rosters: NotRequired[list[list[str]]]
    """[names file, network] of each of its networks, and `roster_key` its entry there: up while it runs."""
    roster_key: NotRequired[str]
    resolver: dict[str, object] | None
    """Arguments of runtime.network.names.Resolver; None: no resolver (host network, none)."""
    about: NotRequired[About]
    """Absent: nobody is told what happens to it, as with a step of a build."""
    memory_reason: NotRequired[str]
    """What is said when it runs out of memory: the limit, and the line that gave it."""
    await_attach: NotRequired[bool]
    """`run`: the container starts when the first client attaches, so that none of its output is missed."""


class Probe(TypedDict):
    """One finished health probe; times are seconds since the epoch."""

    start: float
    end: float
    exit_code: int
    output: str


class Collector(TypedDict):
    """Where output is carried on to: how it is reached and what an entry looks like there."""

    name: str
    """As people call it, with its address."""
    kind: Literal["udp", "tcp", "unix", "unixgram"]
    address: str | list[str | int]
    """A socket's path, or a numeric host and a port."""
    format: Literal["journal", "rfc3164", "rfc5424", "rfc5424micro"]
    facility: int
    tag: str
    host: str
    """This machine's name, empty where the collector knows it."""
    fields: dict[str, str]
    """What every entry has, of journald."""


class Log(TypedDict):
    driver: Literal["json-file", "none"]
    """Whether files are kept."""
    max_size: int
    """Bytes a file."""
    max_file: int
    compress: NotRequired[bool]
    collector: NotRequired[Collector]


class HealthStatus(TypedDict):
    status: Literal["starting", "healthy", "unhealthy"]
    failing: int
    log: list[Probe]


class ProcessId(TypedDict):
    """A host pid with its start time in clock ticks (proc_pid_stat(5), field 22): never signalled without a match."""

    pid: int
    start: int


class Status(TypedDict):
    instance: str
    state: Literal["created", "running", "restarting", "exited", "failed"]
    monitor: ProcessId
    init: ProcessId | None
    started_at: float
    finished_at: float
    exit_code: int
    """128+n when a signal ended it; what Docker reports."""
    oom: bool
    error: str
    """failed: which set-up operation, on what, why."""
    restarts: int
    stopped: bool
    """Ended because somebody asked; no restart policy brings it back."""
    health: HealthStatus | None
    parked: NotRequired[bool]
    """Stopped because the machine went down: as good as running to whoever looks after the boot."""
    stopping: NotRequired[bool]
    """It runs, was told to end, and is on its way out."""
    warning: NotRequired[str]
    """For instance: PID 1 has no handler for the stop signal."""


class Usage(TypedDict):
    """What a container has used so far. `at` and `cpu` are nanoseconds, the rest bytes and processes."""

    at: int
    cpu: int
    memory: int
    memory_limit: int
    received: int
    sent: int
    read: int
    written: int
    pids: int
    pressure: dict[str, float]
    """`cpu`, `memory`, `io`: per cent of the last ten seconds in which some process waited for it; empty where the
    kernel does not count that (PSI)."""
