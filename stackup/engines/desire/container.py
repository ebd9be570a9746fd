"""A service becomes containers: the one translation of the file's words into a ContainerSpec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from stackup.engines.desire.bounds import bounded
from stackup.engines.desire.builds import image_name
from stackup.engines.desire.devices import Devices, devices
from stackup.engines.desire.facts import Context, ImageFact, Wish
from stackup.engines.desire.hardening import security_options
from stackup.engines.desire.images import fetched, images_of
from stackup.engines.desire.limits import Where, health, limits, restart
from stackup.engines.desire.mountable import mountable
from stackup.engines.desire.mounts import Mounts, anonymous_name, mounts
from stackup.engines.desire.pre_start import jobs_of, preceded
from stackup.engines.desire.readable import readable
from stackup.engines.desire.ready import ready
from stackup.engines.desire.resources import anonymous_volume
from stackup.engines.desire.sharing import Sharing
from stackup.engines.desire.silent import warn_ports, warn_service
from stackup.engines.desire.users import users
from stackup.reconcile.resource import Desired, Need, OnReplace, Until
from stackup.values import Address, Data, FieldPath

if TYPE_CHECKING:
    from stackup.diagnostics import Span
    from stackup.runtime.spec import Attachment, ContainerSpec, Health, Hook, Port
    from stackup.stackfile.model import Port as FilePort
    from stackup.stackfile.model import Service, Stack
    from stackup.stackfile.model.mounts import Hook as FileHook

CONDITIONS = {
    "service_started": Until.STARTED,
    "service_healthy": Until.HEALTHY,
    "service_completed_successfully": Until.COMPLETED,
}
GRACE = 10 * 10**9
SHM_SIZE = 64 << 20
MAX_CONTAINERS, MAX_ON_BRIDGE, MAX_ON_SUBNET = 2_000, 1_023, 1_021
"""Of a stack, and of its part on one network: the kernel gives a bridge that many ports."""


@dataclass(frozen=True, slots=True)
class _Common:
    """What all replicas of a service share."""

    image: ImageFact
    mounts: Mounts
    health: Health | None
    security: list[str]
    users: str
    devices: Devices
    ready: Until
    origins: dict[FieldPath, Span]


def containers(stack: Stack, context: Context) -> Iterator[Desired]:
    """Every replica of every service, each with the volumes that only it has before it; images to be fetched last."""
    if not _can_count(stack, context):
        return
    awaited = _awaited(stack)
    images = images_of(stack, context)
    own: dict[str, Mounts] = {}
    for name, service in stack.services.items():
        warn_service(name, service, context)
        warn_ports(name, service, stack.networks, context)
        sound = [rule(name, service, context) for rule in (readable, mountable, bounded)]  # all tell what is wrong
        if all(sound):
            own[name] = mounts(service, images[name].volumes, context.mounted)
    sharing = Sharing(stack, context, own)
    for name in own:
        service, found = stack.services[name], sharing.of(name)
        check = health(service, ready(name, service, context))
        until = Until.COMPLETED if name in awaited else _ready(check, images[name])
        security, whose = security_options(name, service, context), users(name, service, context)
        nodes = devices(name, service, context)
        origins = _origins(context, name, service, found.where | nodes.where)
        common = _Common(images[name], found, check, security, whose, nodes, until, origins)
        jobs = jobs_of(name, service, context)
        for index in range(1, replicas(name, service, context) + 1):
            *volumes, container = _replica(stack, name, index, context, common)
            yield from (*volumes, *preceded(container, jobs, context))
    yield from sharing.external.values()
    yield from fetched(context)


def _can_count(stack: Stack, context: Context) -> bool:
    """Checked before the first is made: a number is quickly written, and each container is a piece of memory."""
    crowds: Counter[str] = Counter()
    for name, service in stack.services.items():
        networks = [key for key in service.networks if (stack.networks[key].driver or "bridge") == "bridge"]
        crowds.update(dict.fromkeys(("", *networks), replicas(name, service, context)))
        crowd = next((key for key in crowds if crowds[key] > _room(stack, key)), None)
        if crowd is not None:
            most = f"{_room(stack, crowd)}" + (f' on network "{crowd}", all that it has room for' if crowd else "")
            context.problems.error(
                "SU106",
                "a stack asks for too many containers",
                detail=f'with service "{name}" there are more than {most}',
                span=context.span("services", name, *("scale",) if service.scale else ("deploy", "replicas")),
                hint="divide the services among several networks" if crowd else "run fewer replicas",
            )
            return False
    return True


def _room(stack: Stack, key: str) -> int:
    """A bridge has 1,024 ports; a subnet that nobody named is a /22, with addresses for two containers fewer."""
    if not key:
        return MAX_CONTAINERS
    return MAX_ON_BRIDGE if any(pool.subnet for pool in stack.networks[key].ipam.config) else MAX_ON_SUBNET


def replicas(name: str, service: Service, context: Context) -> int:
    return context.wish.scale.get(name, service.replicas)


def _replica(stack: Stack, name: str, index: int, context: Context, common: _Common) -> Iterator[Desired]:
    own = {target: anonymous_name(name, index, target) for target in common.mounts.anonymous}
    for target, volume in own.items():
        form = anonymous_volume(f"{stack.name}_{volume}", common.mounts.anonymous[target])
        yield Desired(Address("volume", volume), form)
    spec = _spec(stack, name, index, common, context.wish)
    if common.users:
        spec["users"] = common.users
    for target, volume in own.items():
        spec["mounts"][target] = {**spec["mounts"][target], "source": volume}
    yield Desired(
        Address("container", name, index),
        cast(Data, spec),  # a TypedDict is a dict of JSON values; mypy cannot see that
        tuple(_needs(stack, name, spec, context)),
        context.wish.run,
        common.ready,
        common.origins,
    )


def _spec(stack: Stack, name: str, index: int, common: _Common, wish: Wish) -> ContainerSpec:
    service, found = stack.services[name], common.mounts
    return {
        "name": service.container_name or f"{stack.name}-{name}-{index}",
        "service": name,
        "image": common.image.id,
        "image_name": image_name(stack.name, name, service),
        "command": list(service.command) if service.command is not None else None,
        "entrypoint": list(service.entrypoint) if service.entrypoint is not None else None,
        "env": wish.variables | {key: value for key, value in service.environment.items() if value is not None},
        "cwd": service.working_dir,
        "user": service.user,
        "groups": list(service.group_add),
        "hostname": service.hostname or "",
        "domainname": service.domainname or "",
        "labels": dict(service.labels),
        "annotations": dict(service.annotations),
        "mounts": dict(found.mounts),
        "files": dict(found.files),
        "network_mode": service.network_mode or "bridge",
        "networks": _networks(service),
        "ports": dict(ports(name, service, wish.ports)),
        "expose": list(service.expose),
        "extra_hosts": {host: list(addresses) for host, addresses in service.extra_hosts.items()},
        "links": _links(service),
        "dns": {
            "servers": list(service.dns),
            "search": list(service.dns_search),
            "options": list(service.dns_opt),
        },
        "pid": service.pid or "",
        "ipc": service.ipc or "",
        "uts": service.uts or "",
        "cgroup": service.cgroup or "",
        "cgroup_parent": service.cgroup_parent or "",
        "oom_score_adj": service.oom_score_adj or 0,
        "init": bool(service.init),
        "tty": service.tty,
        "stdin_open": service.stdin_open,
        "read_only": service.read_only,
        "privileged": service.privileged,
        "cap_add": list(service.cap_add),
        "cap_drop": list(service.cap_drop),
        "security_opt": common.security,
        "devices": dict(common.devices.nodes),
        "device_rules": common.devices.rules,
        "device_requests": common.devices.requests,
        "ulimits": {key: {"soft": limit.soft, "hard": limit.hard} for key, limit in service.ulimits.items()},
        "sysctls": dict(service.sysctls),
        "shm_size": service.shm_size or SHM_SIZE,
        "limits": limits(service)[0],
        "restart": restart(service)[0],
        "health": common.health,
        "stop": {
            "signal": service.stop_signal,
            "grace": GRACE if service.stop_grace_period is None else service.stop_grace_period,
        },
        "post_start": _hooks(service.post_start),
        "pre_stop": _hooks(service.pre_stop),
        "log": {
            "driver": (service.logging and service.logging.driver) or "json-file",
            "options": {k: v or "" for k, v in service.logging.options.items()} if service.logging else {},
        },
        "depends_on": {
            other: {"condition": need.condition, "restart": need.restart, "required": need.required}
            for other, need in sorted(service.depends_on.items())
        },
        "await_attach": False,
        "attach": service.attach,
    }


def _hooks(hooks: Iterable[FileHook]) -> list[Hook]:
    return [
        {
            "command": list(hook.command),
            "user": hook.user,
            "privileged": hook.privileged,
            "cwd": hook.working_dir,
            "env": {key: value for key, value in hook.environment.items() if value is not None},
        }
        for hook in hooks
    ]


def _networks(service: Service) -> dict[str, Attachment]:
    first = min(service.networks, key=lambda key: (-service.networks[key].priority, key), default="")
    return {
        key: {
            "aliases": list(place.aliases),
            "ipv4": place.ipv4_address or "",
            "ipv6": place.ipv6_address or "",
            "mac": (place.mac_address or (service.mac_address if key == first else None) or "").lower(),
            "interface": place.interface_name or "",
            "link_local": list(place.link_local_ips),
            "options": dict(place.driver_opts),
            "priority": place.priority,
            "gw_priority": place.gw_priority,
        }
        for key, place in service.networks.items()
    }


def _links(service: Service) -> dict[str, str]:
    """Alias to service, and to the name of a container that is not the stack's."""
    pairs = (link.partition(":") for link in (*service.external_links, *service.links))
    return {alias or target: target for target, _, alias in pairs}


def port_key(name: str, port: FilePort) -> str:
    """A published port of a service, whatever its number on the host."""
    return f"{name}/{port.host_ip or ''}:{port.target}/{port.protocol}"


def ports(name: str, service: Service, reserved: Mapping[str, int]) -> Iterator[tuple[str, Port]]:
    """Keyed as `[host_ip:]published->target/protocol`."""
    for port in service.ports:
        host = f"{port.host_ip}:" if port.host_ip else ""
        published = str(reserved.get(port_key(name, port)) or port.published or "")
        form: Port = {
            "host_ip": port.host_ip or "",
            "published": published,
            "target": port.target,
            "protocol": port.protocol,  # type: ignore[typeddict-item]
        }
        yield f"{host}{published}->{port.target}/{port.protocol}", form


def _needs(stack: Stack, name: str, spec: ContainerSpec, context: Context) -> Iterator[Need]:
    service = stack.services[name]
    for image in context.fetches.get(name, ()):
        yield Need(image.address)
    for network in spec["networks"]:
        yield Need(Address("network", network), holds=True, on_replace=OnReplace.REPLACE)
    for mount in spec["mounts"].values():
        if mount["type"] == "volume":
            yield Need(Address("volume", mount["source"]), holds=True, on_replace=OnReplace.REPLACE)
    for file in spec["files"].values():
        yield Need(Address(file["kind"], file["name"]), holds=True, on_replace=OnReplace.REPLACE)
    for other, dependency in service.depends_on.items():
        if other not in stack.services:
            continue
        until = CONDITIONS[dependency.condition]
        then = OnReplace.RESTART if dependency.restart else OnReplace.KEEP
        for index in range(1, replicas(other, stack.services[other], context) + 1):
            address = Address("container", other, index)
            yield Need(address, until, dependency.restart, then, dependency.required)


def _awaited(stack: Stack) -> frozenset[str]:
    """Jobs that another service waits for: they must complete."""
    needs = (pair for service in stack.services.values() for pair in service.depends_on.items())
    return frozenset(name for name, need in needs if need.condition == "service_completed_successfully")


def _ready(check: Health | None, image: ImageFact) -> Until:
    """How far a service must come for `--wait`."""
    checked = image.healthcheck if check is None or check["test"] is None else check["test"][:1] != ["NONE"]
    return Until.HEALTHY if checked else Until.STARTED


_SAME = {
    "image": "image", "command": "command", "entrypoint": "entrypoint", "cwd": "working_dir", "user": "user",
    "groups": "group_add", "hostname": "hostname", "domainname": "domainname", "name": "container_name",
    "env": "environment", "labels": "labels", "annotations": "annotations", "network_mode": "network_mode",
    "networks": "networks", "expose": "expose", "extra_hosts": "extra_hosts", "links": "links", "pid": "pid",
    "ipc": "ipc", "uts": "uts", "init": "init", "tty": "tty", "stdin_open": "stdin_open", "read_only": "read_only",
    "privileged": "privileged", "cap_add": "cap_add", "cap_drop": "cap_drop", "security_opt": "security_opt",
    "ulimits": "ulimits", "sysctls": "sysctls", "shm_size": "shm_size", "health": "healthcheck", "log": "logging",
    "cgroup": "cgroup", "cgroup_parent": "cgroup_parent", "oom_score_adj": "oom_score_adj",
    "depends_on": "depends_on", "post_start": "post_start",
    "pre_stop": "pre_stop", "attach": "attach", "users": "userns_mode",
    "image_name": "image",
}  # fmt: skip
"""Fields of the normal form that stand in one place of the file; keys beneath them are the same on both sides."""


def _origins(context: Context, name: str, service: Service, where: Where) -> dict[FieldPath, Span]:
    table: Where = {(): (), **{(field,): (key,) for field, key in _SAME.items()}, **where}
    table |= limits(service)[1] | restart(service)[1]
    table |= {("stop", "signal"): ("stop_signal",), ("stop", "grace"): ("stop_grace_period",)}
    table |= {
        ("ports", key): ("ports", number) for number, (key, _) in enumerate(ports(name, service, context.wish.ports))
    }
    for field, key in (("env", "environment"), ("labels", "labels"), ("health", "healthcheck")):
        table |= {(field, str(path[3])): path[2:] for path in context.below("services", name, key)}
    dns = {"servers": "dns", "search": "dns_search", "options": "dns_opt"}
    table |= {("dns", field): (key,) for field, key in dns.items()}
    return {field: span for field, path in table.items() if (span := context.span("services", name, *path))}
