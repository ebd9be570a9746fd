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

    image: Text | None = Field(None, description="Image reference, or `host`.")
    build: Build | None = Field(None, description="How the image is built.")
    pull_policy: Text | None = Field(None, description="always, never, missing, build, daily, weekly or every_<time>.")
    pull_refresh_after: Text | None = Field(None, description="Age after which pull_policy refresh looks again.")
    platform: Text | None = Field(None, description="os/arch/variant of the image.")
    command: tuple[Text, ...] | None = Field(None, description="Replaces the image's CMD; empty for none.")
    entrypoint: tuple[Text, ...] | None = Field(None, description="Replaces the image's ENTRYPOINT; empty for none.")
    environment: dict[str, Word | None] = Field(default_factory=dict, description="Variables; final after loading.")
    env_file: tuple[EnvFile, ...] = Field((), description="Files that variables were read from.")
    working_dir: Text | None = Field(None, description="Working folder.")
    user: Text | None = Field(None, description="name or uid, optionally :group or :gid.")
    group_add: tuple[Text, ...] = Field((), description="Additional groups, by name or id.")
    hostname: Text | None = Field(None, description="Host name.")
    domainname: Text | None = Field(None, description="NIS domain name.")
    container_name: Text | None = Field(None, description="Fixed name of the one container.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels, label_file contents included.")
    label_file: tuple[Text, ...] = Field((), description="Files that labels were read from.")
    annotations: dict[str, Word] = Field(default_factory=dict, description="OCI annotations.")
    healthcheck: Healthcheck | None = Field(None, description="How health is probed.")
    depends_on: dict[str, Dependency] = Field(default_factory=dict, description="What must be there before.")
    ports: tuple[Port, ...] = Field((), description="Published ports.")
    expose: tuple[Text, ...] = Field((), description="Ports for other services: documentation.")
    networks: dict[str, Attachment] = Field(default_factory=dict, description="Networks by key.")
    network_mode: Text | None = Field(None, description="none, host, bridge, service:NAME or container:NAME.")
    mac_address: Text | None = Field(None, description="Hardware address on the first network.")
    links: tuple[Text, ...] = Field((), description="SERVICE or SERVICE:ALIAS.")
    external_links: tuple[Text, ...] = Field((), description="Containers outside of the stack.")
    extra_hosts: dict[str, tuple[Text, ...]] = Field(default_factory=dict, description="Host name to addresses.")
    dns: tuple[Text, ...] = Field((), description="Name servers.")
    dns_search: tuple[Text, ...] = Field((), description="Search domains.")
    dns_opt: tuple[Text, ...] = Field((), description="Resolver options.")
    volumes: tuple[Mount, ...] = Field((), description="What is mounted.")
    volumes_from: tuple[Text, ...] = Field((), description="Services or containers whose mounts are shared.")
    tmpfs: tuple[Text, ...] = Field((), description="PATH or PATH:OPTIONS of a tmpfs.")
    secrets: tuple[Grant, ...] = Field((), description="Secrets put into the container.")
    configs: tuple[Grant, ...] = Field((), description="Configs put into the container.")
    restart: Text | None = Field(None, description="no, always, on-failure[:N] or unless-stopped.")
    stop_signal: Text | None = Field(None, description="Signal that ends it; the image's or SIGTERM when absent.")
    stop_grace_period: Duration | None = Field(None, description="Time until SIGKILL; 10s when absent.")
    init: Flag | None = Field(None, description="A small PID 1 that forwards signals and reaps.")
    tty: Flag = Field(False, description="Allocate a terminal.")
    stdin_open: Flag = Field(False, description="Keep standard input open.")
    attach: Flag = Field(True, description="`up` shows its output.")
    logging: Logging | None = Field(None, description="Where output goes.")
    read_only: Flag = Field(False, description="The root file system is read-only.")
    privileged: Flag = Field(False, description="All capabilities and devices.")
    cap_add: tuple[Text, ...] = Field((), description="Capabilities added.")
    cap_drop: tuple[Text, ...] = Field((), description="Capabilities dropped.")
    security_opt: tuple[Text, ...] = Field((), description="no-new-privileges, seccomp=, apparmor=, ...")
    sysctls: dict[str, Word] = Field(default_factory=dict, description="Namespaced kernel parameters.")
    ulimits: dict[str, Ulimit] = Field(default_factory=dict, description="Resource limits of processes.")
    pid: Text | None = Field(None, description="host, service:NAME or container:NAME.")
    ipc: Text | None = Field(None, description="shareable, none, private, host, service:NAME or container:NAME.")
    uts: Text | None = Field(None, description="host.")
    userns_mode: Text | None = Field(None, description="host.")
    cgroup: Text | None = Field(None, description="host or private.")
    cgroup_parent: Text | None = Field(None, description="Parent group.")
    shm_size: Size | None = Field(None, description="Bytes of /dev/shm; 64 MiB when absent.")
    mem_limit: Size | None = Field(None, description="Bytes of memory.")
    mem_reservation: Size | None = Field(None, description="Bytes protected from reclaim.")
    memswap_limit: Size | None = Field(None, description="Bytes of memory and swap; -1 unlimited.")
    mem_swappiness: Count | None = Field(None, description="0 to 100, cgroup v1.")
    cpus: Number | None = Field(None, description="Fraction of processors.")
    cpuset: Text | None = Field(None, description="Processors, such as 0-2,4.")
    cpu_shares: Count | None = Field(None, description="Relative weight.")
    cpu_period: Count | None = Field(None, description="CFS period in microseconds.")
    cpu_quota: Count | None = Field(None, description="CFS quota in microseconds.")
    cpu_rt_runtime: Micros | None = Field(None, description="Realtime runtime, cgroup v1.")
    cpu_rt_period: Micros | None = Field(None, description="Realtime period, cgroup v1.")
    cpu_count: Count | None = Field(None, description="Windows only.")
    cpu_percent: Number | None = Field(None, description="Windows only.")
    pids_limit: Count | None = Field(None, description="Number of tasks; -1 unlimited.")
    blkio_config: Blkio | None = Field(None, description="Block device weights and rates.")
    oom_score_adj: Count | None = Field(None, description="-1000 to 1000.")
    oom_kill_disable: Flag = Field(False, description="cgroup v1: stop instead of kill.")
    storage_opt: dict[str, Word] = Field(default_factory=dict, description="Options of the root file system.")
    devices: tuple[Device, ...] = Field((), description="Device nodes.")
    device_cgroup_rules: tuple[Text, ...] = Field((), description="Rules of the device controller.")
    gpus: tuple[DeviceRequest, ...] = Field((), description="all, or device requests.")
    deploy: Deploy | None = Field(None, description="Replicas, limits, restart policy.")
    scale: Count | None = Field(None, description="How many containers.")
    profiles: tuple[Text, ...] = Field((), description="Only with one of these profiles.")
    develop: Develop | None = Field(None, description="Rules for `watch`.")
    pre_start: tuple[InitHook, ...] = Field((), description="Run to completion before the container.")
    post_start: tuple[Hook, ...] = Field((), description="Run in the container after its start.")
    pre_stop: tuple[Hook, ...] = Field((), description="Run in the container before it is stopped.")
    provider: Provider | None = Field(None, description="A program that provides the service.")
    models: dict[str, ModelUse] = Field(default_factory=dict, description="AI models.")
    use_api_socket: Flag = Field(False, description="The engine's socket in the container.")
    runtime: Text | None = Field(None, description="OCI runtime of an engine.")
    isolation: Text | None = Field(None, description="Windows only.")
    credential_spec: CredentialSpec | None = Field(None, description="Windows only.")

    @property
    def replicas(self) -> int:
        """How many containers the file asks for: `scale`, else `deploy.replicas`, else one."""
        if self.scale is not None:
            return self.scale
        if self.deploy is not None and self.deploy.replicas is not None:
            return self.deploy.replicas
        return 1
