"""Long forms of networks, attachments and ports."""

from typing import Literal

from pydantic import Field

from stackup.stackfile.model.part import Part
from stackup.stackfile.model.scalars import Count, Duration, Flag, Text, Word


class Pool(Part):
    """One entry of `networks.<name>.ipam.config`."""

    subnet: Text | None = Field(None, description="Range of the network, in CIDR form.")
    ip_range: Text | None = Field(None, description="Part of the subnet that addresses are taken from.")
    gateway: Text | None = Field(None, description="Address of the gateway.")
    aux_addresses: dict[str, Text] = Field(default_factory=dict, description="Addresses kept free, by name.")


class Ipam(Part):
    """`networks.<name>.ipam`."""

    driver: Text | None = Field(None, description="Address driver of an engine: accepted, without effect.")
    config: tuple[Pool, ...] = Field((), description="Address pools, at most one a family.")
    options: dict[str, Word] = Field(default_factory=dict, description="Options of the address driver.")


class Network(Part):
    """One entry of top-level `networks`."""

    name: Text = Field("", description="Its name on the machine; STACK_NAME when absent.")
    driver: Text | None = Field(None, description="Network driver; `bridge` when absent.")
    driver_opts: dict[str, Word] = Field(default_factory=dict, description="Driver options, such as the MTU.")
    external: Flag = Field(False, description="Not managed here: it must exist already.")
    internal: Flag = Field(False, description="No way out of this network.")
    attachable: Flag = Field(False, description="A word for clusters: containers can be connected to any network.")
    enable_ipv4: Flag | None = Field(None, description="IPv4 addresses; on when absent.")
    enable_ipv6: Flag | None = Field(None, description="IPv6 addresses; off when absent.")
    ipam: Ipam = Field(Ipam.model_construct(), description="Addresses of the network.")
    labels: dict[str, Word] = Field(default_factory=dict, description="Labels.")


class Attachment(Part):
    """One entry of `services.<name>.networks`: a service's place in a network."""

    aliases: tuple[Text, ...] = Field((), description="Additional names in this network.")
    ipv4_address: Text | None = Field(None, description="Static IPv4 address.")
    ipv6_address: Text | None = Field(None, description="Static IPv6 address.")
    mac_address: Text | None = Field(None, description="Hardware address.")
    interface_name: Text | None = Field(None, description="Name of the interface in the container.")
    link_local_ips: tuple[Text, ...] = Field((), description="Additional link-local addresses.")
    priority: Count = Field(0, description="Order of attachment, the highest first.")
    gw_priority: Count = Field(0, description="The highest is the gateway network.")
    driver_opts: dict[str, Word] = Field(default_factory=dict, description="Driver options of the endpoint.")


class Port(Part):
    """One entry of `services.<name>.ports`; ranges of the short form have become one entry a port."""

    target: Count = Field(description="Port in the container.")
    published: Text | None = Field(None, description="Host port, or a range to pick one from; absent for a free port.")
    host_ip: Text | None = Field(None, description="Address on the host; absent for all.")
    protocol: Text = Field("tcp", description="tcp or udp.")
    mode: Literal["ingress", "host"] = Field("ingress", description="Swarm's publishing mode: without effect.")
    name: Text | None = Field(None, description="A name for people.")
    app_protocol: Text | None = Field(None, description="What is spoken, for people.")


class Dependency(Part):
    """One entry of `services.<name>.depends_on`."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"] = Field(
        "service_started", description="What the other service must have reached before this one starts."
    )
    required: Flag = Field(True, description="Its absence or failure is an error, not a warning.")
    restart: Flag = Field(False, description="Restart this service when the other is restarted or recreated.")


class Logging(Part):
    """`services.<name>.logging`."""

    driver: Text | None = Field(None, description="json-file, none, local, journald, syslog, ...")
    options: dict[str, Word | None] = Field(default_factory=dict, description="Options of the driver.")


class Healthcheck(Part):
    """`services.<name>.healthcheck`; what is absent comes from the image."""

    test: tuple[Text, ...] | None = Field(
        None, description="Command that probes: [CMD, ...], or a text for the container's shell; [NONE] for none."
    )
    interval: Duration | None = Field(None, description="Time between two probes, such as 10s; 30s when absent.")
    timeout: Duration | None = Field(None, description="A probe that takes longer has failed; 30s when absent.")
    retries: Count | None = Field(None, description="Failures in a row until it is unhealthy; 3 when absent.")
    start_period: Duration | None = Field(None, description="Failures in this first time do not count; 0s when absent.")
    start_interval: Duration | None = Field(
        None, description="Time between probes in the start period; 5s when absent."
    )
    disable: Flag = Field(False, description="Turns the image's health check off.")


class Provider(Part):
    """`services.<name>.provider`."""

    type: Text = Field(description="Name of the program that provides the service.")
    options: dict[str, tuple[Word, ...]] = Field(default_factory=dict, description="Passed to the program.")
