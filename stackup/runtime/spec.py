"""The normal form of a container: what the stack file, the record on disk and the kernel are compared in.

Plain data with names: a TypedDict is a dict that mypy knows, so one value is the diff's input, the record's content and
what the launcher reads, with no conversion between them. Every default is filled in before a spec exists; `None` means
"the image decides". Durations are nanoseconds, sizes bytes, -1 unlimited. Sets of things are mappings by their
natural key, so that a diff names `ports.8080/tcp`, not `ports.0`. This module is types only: nothing to load.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Mount(TypedDict):
    """One mount; the key in `ContainerSpec.mounts` is its target, an absolute path inside."""

    type: Literal["bind", "volume", "tmpfs", "image"]
    source: str
    """bind: absolute host path; volume: its name in the stack, or "" for an anonymous one; image: an image id."""
    read_only: bool
    create: bool
    """bind: make the source folder when it is missing."""
    nocopy: bool
    subpath: str
    propagation: str
    recursive: str
    size: int
    mode: int
    owners: NotRequired[str]
    """bind: whose files are whose; `host` or `map`, see `runtime.idmaps`; absent where they stay whose they are."""
    uid: NotRequired[int]
    gid: NotRequired[int]
    inodes: NotRequired[int]
    exec: NotRequired[bool]
    """tmpfs, like those before it; absent where the file does not say."""


class File(TypedDict):
    """A secret or config; the key in `ContainerSpec.files` is its target path."""

    kind: Literal["secret", "config"]
    name: str
    uid: int
    gid: int
    mode: int


class Attachment(TypedDict):
    """A place on a network; the key in `ContainerSpec.networks` is the network's name in the stack."""

    aliases: list[str]
    ipv4: str
    ipv6: str
    mac: str
    interface: str
    link_local: list[str]
    options: dict[str, str]
    """Options of the driver for this place."""
    priority: int
    gw_priority: int


class Port(TypedDict):
    """One published port; the key is `Port.key` spelled `[host_ip:]published->target/protocol`."""

    host_ip: str
    """Empty: every address of the host."""
    published: str
    """Empty: a free port is chosen when the container starts and kept over restarts. `8000-8010`: one free of these."""
    target: int
    protocol: Literal["tcp", "udp", "sctp"]


class BlockLimits(TypedDict):
    """Of one block device: a weight of 10 to 1000, bytes and operations a second."""

    weight: NotRequired[int]
    read_bps: NotRequired[int]
    read_iops: NotRequired[int]
    write_bps: NotRequired[int]
    write_iops: NotRequired[int]


class Io(TypedDict):
    weight: int
    """0: as everybody's."""
    devices: dict[str, BlockLimits]
    """By the path of the device's node on the host."""


class Limits(TypedDict):
    """What few files ask for is absent where it is not asked for."""

    memory: int
    memory_reservation: int
    memory_swap: int
    """Memory plus swap, as Compose counts; -1 unlimited, 0 unset."""
    cpus: float
    cpu_shares: int
    cpu_quota: int
    cpu_period: int
    cpuset: str
    pids: int
    swappiness: NotRequired[int]
    oom_kill_disable: NotRequired[bool]
    rt_runtime: NotRequired[int]
    """Microseconds of each `rt_period` for realtime programs."""
    rt_period: NotRequired[int]
    io: NotRequired[Io]


class Ulimit(TypedDict):
    soft: int
    hard: int


class DeviceNode(TypedDict):
    """The key in `ContainerSpec.devices` is its path inside, or the name of a CDI device, which is its source too."""

    source: str
    permissions: str


class DeviceRequest(TypedDict):
    """Devices that the host chooses: `count` of them, -1 for all, or these ids."""

    driver: str
    count: int
    ids: list[str]
    capabilities: list[str]
    options: dict[str, str]


class Health(TypedDict):
    """`test` is `["CMD", ...]`, `["CMD-SHELL", text]` or `["NONE"]`; None fields fall back to the image's."""

    test: list[str] | None
    interval: int | None
    timeout: int | None
    retries: int | None
    start_period: int | None
    start_interval: int | None


class Restart(TypedDict):
    policy: Literal["no", "always", "on-failure", "unless-stopped"]
    attempts: int
    """0: without end."""
    delay: int
    window: int


class Stop(TypedDict):
    signal: str | None
    grace: int


class Hook(TypedDict):
    """A program that enters the container; what is None or empty is as the container's own program has it."""

    command: list[str]
    user: str | None
    privileged: bool
    cwd: str | None
    env: dict[str, str]


class Log(TypedDict):
    driver: str
    options: dict[str, str]


class Dns(TypedDict):
    servers: list[str]
    search: list[str]
    options: list[str]


class Dependency(TypedDict):
    condition: str
    restart: bool
    required: bool


class ContainerSpec(TypedDict):
    name: str
    """The container's own name, unique on the host: `shop-web-1`, or `container_name`."""
    service: str
    image: str
    """`host`, or an image id `sha256:...`."""
    image_name: str
    """What the file calls it."""
    command: list[str] | None
    entrypoint: list[str] | None
    env: dict[str, str]
    cwd: str | None
    user: str | None
    groups: list[str]
    hostname: str
    domainname: str
    labels: dict[str, str]
    annotations: dict[str, str]
    mounts: dict[str, Mount]
    files: dict[str, File]
    network_mode: str
    """`bridge` (see `networks`), `none`, `host`, `service:NAME`, `container:NAME`."""
    networks: dict[str, Attachment]
    ports: dict[str, Port]
    expose: list[str]
    extra_hosts: dict[str, list[str]]
    links: dict[str, str]
    """Alias to service, or to a container of another stack on the same network."""
    dns: Dns
    pid: str
    ipc: str
    uts: str
    init: bool
    tty: bool
    stdin_open: bool
    read_only: bool
    privileged: bool
    cap_add: list[str]
    cap_drop: list[str]
    security_opt: list[str]
    cgroup: NotRequired[str]
    """`host`: it sees all control groups, read-only; else its own."""
    cgroup_parent: NotRequired[str]
    """Control group that its own is made in, from the top of what is ours to write."""
    users: NotRequired[str]
    """`auto`: a user namespace of its own; absent: the host's."""
    oom_score_adj: NotRequired[int]
    devices: NotRequired[dict[str, DeviceNode]]
    device_rules: NotRequired[list[str]]
    """What it may do with nodes that it makes itself, as the device controller has it: `c 10:200 rwm`."""
    device_requests: NotRequired[list[DeviceRequest]]
    ulimits: dict[str, Ulimit]
    sysctls: dict[str, str]
    shm_size: int
    limits: Limits
    restart: Restart
    health: Health | None
    stop: Stop
    post_start: list[Hook]
    pre_stop: list[Hook]
    log: Log
    depends_on: dict[str, Dependency]
    """By service; kept so that a change of the condition alone is a change of the record."""
    await_attach: bool
    """`run`: the program starts when the first client attaches, so that none of its output is missed."""
    attach: bool
    """Whether `up` in the foreground shows its output."""
