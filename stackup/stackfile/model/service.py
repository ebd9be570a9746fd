"""The long form of a service. Attribute names are the specification's; durations are nanoseconds, sizes bytes.

After loading, `environment` is final (env_file contents included, variables taken from the caller's environment
filled in; None only for a variable that is set nowhere), `depends_on` holds the implied dependencies as well, and
`networks` is empty only when `network_mode` says something else. None means absent.
"""

from pydantic import Field

from stackup.stackfile.model.devices import Blkio, Device, DeviceRequest
from stackup.stackfile.model.foreign import CredentialSpec, ModelUse
from stackup.stackfile.model.mounts import Develop, EnvFile, Grant, Hook, InitHook, Mount
from stackup.stackfile.model.network import Attachment, Dependency, Healthcheck, Logging, Port, Provider
from stackup.stackfile.model.part import Part
from stackup.stackfile.model.resources import Build, Deploy, Ulimit
from stackup.stackfile.model.scalars import Count, Duration, Flag, Micros, Number, Size, Text, Word


class Service(Part):
    """One entry of top-level `services`."""

    image: Text | None = Field(
        None, description="Image to run, such as nginx:1.27, or `host` for this machine's own programs."
    )
    build: Build | None = Field(None, description="How the image is built: a folder, or its settings.")
    pull_policy: Text | None = Field(
        None, description="When the image is fetched: always, never, missing, build, daily, weekly or every_<time>."
    )
    pull_refresh_after: Text | None = Field(
        None, description="Age, such as 3d, after which pull_policy `refresh` looks for a newer image."
    )
    platform: Text | None = Field(None, description="Platform of the image, such as linux/arm64.")
    command: tuple[Text, ...] | None = Field(
        None, description="Program and arguments in place of the image's CMD; [] for none. No shell runs it."
    )
    entrypoint: tuple[Text, ...] | None = Field(
        None, description="Replaces the image's ENTRYPOINT and drops its CMD; [] for none."
    )
    environment: dict[str, Word | None] = Field(
        default_factory=dict,
        description="Variables of the program; a name without a value takes the one from your shell.",
    )
    env_file: tuple[EnvFile, ...] = Field(
        (), description="Files with variables; later ones win, `environment` wins over all."
    )
    working_dir: Text | None = Field(None, description="Folder that the program starts in.")
    user: Text | None = Field(None, description="Who runs it: name or uid, optionally :group or :gid.")
    group_add: tuple[Text, ...] = Field((), description="Additional groups, by name or id.")
    hostname: Text | None = Field(None, description="Host name in the container.")
    domainname: Text | None = Field(None, description="NIS domain name in the container.")
    container_name: Text | None = Field(None, description="Fixed name of the one container; excludes replicas.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels of the containers, for people and tools.")
    label_file: tuple[Text, ...] = Field((), description="Files with labels, written as env files are; `labels` wins.")
    annotations: dict[str, Word] = Field(default_factory=dict, description="OCI annotations of the containers.")
    healthcheck: Healthcheck | None = Field(None, description="How it is found out whether the container is healthy.")
    depends_on: dict[str, Dependency] = Field(
        default_factory=dict, description="Services that are started before this one, and what they must have reached."
    )
    ports: tuple[Port, ...] = Field((), description='Ports of the host that lead here, such as "127.0.0.1:8080:80".')
    expose: tuple[Text, ...] = Field((), description="Ports that other services may use; for documentation only.")
    networks: dict[str, Attachment] = Field(
        default_factory=dict, description="Networks that the containers are on; `default` when absent."
    )
    network_mode: Text | None = Field(
        None, description="In place of networks: none, host, service:NAME or container:NAME."
    )
    mac_address: Text | None = Field(None, description="Hardware address on the first network.")
    links: tuple[Text, ...] = Field(
        (), description="Services under another name on shared networks: SERVICE or SERVICE:ALIAS."
    )
    external_links: tuple[Text, ...] = Field((), description="Containers outside of the stack.")
    extra_hosts: dict[str, tuple[Text, ...]] = Field(
        default_factory=dict, description="Additional lines of /etc/hosts, such as db=10.0.0.5 or host=host-gateway."
    )
    dns: tuple[Text, ...] = Field((), description="Name servers for what the stack does not know.")
    dns_search: tuple[Text, ...] = Field((), description="Search domains.")
    dns_opt: tuple[Text, ...] = Field((), description="Options of the resolver, such as ndots:2.")
    volumes: tuple[Mount, ...] = Field(
        (), description="Volumes, folders and tmpfs of the container, such as data:/var/lib or ./conf:/etc/x:ro."
    )
    volumes_from: tuple[Text, ...] = Field((), description="Services or containers whose mounts are shared.")
    tmpfs: tuple[Text, ...] = Field((), description="Folders in memory: PATH or PATH:size=64m,mode=1777.")
    secrets: tuple[Grant, ...] = Field((), description="Secrets as files beneath /run/secrets.")
    configs: tuple[Grant, ...] = Field((), description="Configs as files in the container.")
    restart: Text | None = Field(
        None, description="What follows its end: no, always, on-failure[:N] or unless-stopped."
    )
    stop_signal: Text | None = Field(
        None, description="Signal that asks it to end; the image's, or SIGTERM, when absent."
    )
    stop_grace_period: Duration | None = Field(None, description="Time until SIGKILL; 10s when absent.")
    init: Flag | None = Field(None, description="A small process 1 that forwards signals and reaps zombies.")
    tty: Flag = Field(False, description="Give it a terminal.")
    stdin_open: Flag = Field(False, description="Keep standard input open.")
    attach: Flag = Field(True, description="Whether `up` shows its output.")
    logging: Logging | None = Field(None, description="Where its output is kept.")
    read_only: Flag = Field(False, description="Nothing may be written outside of its volumes and tmpfs.")
    privileged: Flag = Field(False, description="All capabilities and devices: as good as root on the host.")
    cap_add: tuple[Text, ...] = Field(
        (), description="Capabilities that it gets besides the usual ones, such as NET_ADMIN, or ALL."
    )
    cap_drop: tuple[Text, ...] = Field((), description="Capabilities that are taken from it; ALL for every one.")
    security_opt: tuple[Text, ...] = Field((), description="no-new-privileges, seccomp=, apparmor=, ...")
    sysctls: dict[str, Word] = Field(
        default_factory=dict, description="Kernel parameters of its own namespaces, such as net.core.somaxconn."
    )
    ulimits: dict[str, Ulimit] = Field(
        default_factory=dict, description="Limits of its processes, such as nofile; a number, or soft and hard."
    )
    pid: Text | None = Field(None, description="Whose processes it sees: host, service:NAME or container:NAME.")
    ipc: Text | None = Field(
        None, description="Whose shared memory it uses: shareable, none, private, host, service:NAME, container:NAME."
    )
    uts: Text | None = Field(None, description="`host` for the host's own host name.")
    userns_mode: Text | None = Field(None, description="`host`: the host's users; `auto`: users of its own.")
    cgroup: Text | None = Field(None, description="Whose control groups it sees: host or private.")
    cgroup_parent: Text | None = Field(None, description="Control group that its own is made in.")
    shm_size: Size | None = Field(None, description="Size of /dev/shm, such as 128m; 64m when absent.")
    mem_limit: Size | None = Field(None, description="Memory that it may use at most, such as 512m.")
    mem_reservation: Size | None = Field(
        None, description="Memory that is left to it when the machine runs short, such as 256m."
    )
    memswap_limit: Size | None = Field(None, description="Memory and swap together, such as 1g; -1 for no limit.")
    mem_swappiness: Count | None = Field(
        None, description="How readily it is swapped out, 0 to 100; on machines with cgroup v1."
    )
    cpus: Number | None = Field(None, description="Processors that it may use, such as 0.5.")
    cpuset: Text | None = Field(None, description="Processors that it runs on, such as 0-2,4.")
    cpu_shares: Count | None = Field(
        None, description="Its weight among others when processors are busy; 1024 is usual."
    )
    cpu_period: Count | None = Field(None, description="CFS period in microseconds.")
    cpu_quota: Count | None = Field(None, description="CFS quota in microseconds.")
    cpu_rt_runtime: Micros | None = Field(
        None, description="Time for realtime programs in each cpu_rt_period; cgroup v1 only."
    )
    cpu_rt_period: Micros | None = Field(None, description="Period of cpu_rt_runtime; 1s when absent.")
    cpu_count: Count | None = Field(None, description="Number of processors; Windows only.")
    cpu_percent: Number | None = Field(None, description="Share of the processors; Windows only.")
    pids_limit: Count | None = Field(None, description="Processes and threads that it may have; -1 for no limit.")
    blkio_config: Blkio | None = Field(None, description="Weights and rates of block devices.")
    oom_score_adj: Count | None = Field(
        None, description="Who is killed first when memory runs out: -1000 (last) to 1000."
    )
    oom_kill_disable: Flag = Field(
        False, description="Stop it rather than kill it when memory runs out; on machines with cgroup v1."
    )
    storage_opt: dict[str, Word] = Field(
        default_factory=dict, description="Options of the root file system, such as its size."
    )
    devices: tuple[Device, ...] = Field(
        (), description="Device nodes of the host: SOURCE, SOURCE:TARGET or SOURCE:TARGET:rwm."
    )
    device_cgroup_rules: tuple[Text, ...] = Field((), description="Rules for devices, such as c 1:3 rwm.")
    gpus: tuple[DeviceRequest, ...] = Field((), description="Graphics cards: all, or requests.")
    deploy: Deploy | None = Field(None, description="How many there are, and what they may use.")
    scale: Count | None = Field(None, description="How many containers it has; the same as deploy.replicas.")
    profiles: tuple[Text, ...] = Field(
        (), description="It runs only when one of these profiles is active, or it is named."
    )
    develop: Develop | None = Field(None, description="What `watch` does when files change.")
    pre_start: tuple[InitHook, ...] = Field((), description="Containers that run to their end before it starts.")
    post_start: tuple[Hook, ...] = Field((), description="Commands that run in it after its start.")
    pre_stop: tuple[Hook, ...] = Field((), description="Commands that run in it before it is stopped.")
    provider: Provider | None = Field(None, description="A program outside of the stack that provides the service.")
    models: dict[str, ModelUse] = Field(default_factory=dict, description="AI models that it uses.")
    use_api_socket: Flag = Field(False, description="Give it the socket of an engine.")
    runtime: Text | None = Field(None, description="OCI runtime of an engine.")
    isolation: Text | None = Field(None, description="How containers are kept apart; Windows only.")
    credential_spec: CredentialSpec | None = Field(None, description="Credentials of a managed account; Windows only.")

    @property
    def replicas(self) -> int:
        """How many containers the file asks for: `scale`, else `deploy.replicas`, else one."""
        if self.scale is not None:
            return self.scale
        if self.deploy is not None and self.deploy.replicas is not None:
            return self.deploy.replicas
        return 1
