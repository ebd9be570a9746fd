"""Rules about what one service or resource says: words of a fixed set, limits that contradict, sources of bytes."""

from __future__ import annotations

import re
from collections.abc import Callable

from stackup.stackfile.document import Path
from stackup.stackfile.model.mounts import Config, Secret
from stackup.stackfile.model.network import Network
from stackup.stackfile.model.service import Service
from stackup.stackfile.view import View

_NAME = re.compile(r"[A-Za-z0-9._-]+\Z")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
WORDS = {
    "restart": ("no", "always", "unless-stopped", "on-failure[:N]"),
    "pull_policy": (
        "always",
        "never",
        "missing",
        "if_not_present",
        "build",
        "daily",
        "weekly",
        "every_TIME",
        "refresh",
    ),
    "network_mode": ("none", "host", "bridge", "default", "service:NAME", "container:NAME"),
    "pid": ("host", "service:NAME", "container:NAME"),
    "ipc": ("host", "none", "private", "shareable", "service:NAME", "container:NAME"),
    "uts": ("host",),
    "cgroup": ("host", "private"),
    "cpuset": ("N[-N][,N[-N]...]",),
}
"""What may stand at keys of a service, as people write it."""
_SHAPES = {
    "N[-N][,N[-N]...]": r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*",
    "on-failure[:N]": r"on-failure(:[0-9]+)?",
    "every_TIME": r"every_([0-9]+(ns|us|ms|s|m|h|d|w))+",
    "service:NAME": r"service:.+",
    "container:NAME": r"container:.+",
}


def words_pattern(key: str) -> str:
    """The regular expression of the words for a key."""
    return "|".join(_SHAPES.get(word, word) for word in WORDS[key])


def expected(key: str) -> str:
    """The words for a key, for people."""
    *words, last = WORDS[key]
    return f"{', '.join(words)} or {last}" if words else last


def words_are_known(view: View) -> None:
    for name, service in view.services():
        for key in WORDS:
            value = getattr(service, key)
            if value and not re.fullmatch(words_pattern(key), value):
                hint = view.meant(value, WORDS[key], "")
                _invalid(view, ("services", name, key), f'expected {expected(key)}, found "{value}"', hint)
        test = service.healthcheck.test if service.healthcheck else None
        if test and test[0] not in ("CMD", "CMD-SHELL", "NONE"):
            path = ("services", name, "healthcheck", "test", 0)
            _invalid(view, path, f'a list starts with CMD, CMD-SHELL or NONE, found "{test[0]}"')


def _invalid(view: View, path: Path, message: str, hint: str = "") -> None:
    detail = f"{'.'.join(map(str, path))}: {message}"
    view.error("SU021", "a value is not valid", path, detail, label=message, hint=hint)


def names_are_names(view: View) -> None:
    stack = view.stack
    for kind, found in (("services", stack.services), ("networks", stack.networks), ("volumes", stack.volumes)):
        for name in found:
            if not _NAME.match(name):
                view.error(
                    "SU026",
                    "a name is not valid",
                    (kind, name),
                    f'"{name}"',
                    hint="use letters, digits, dots, - and _",
                )

    for name, service in view.services():
        if service.container_name is not None and not _CONTAINER.match(service.container_name):
            path = ("services", name, "container_name")
            hint = "use letters, digits, dots, - and _, with a letter or digit first"
            view.error("SU026", "a name is not valid", path, f'"{service.container_name}"', hint=hint)


def images_come_from_somewhere(view: View) -> None:
    for name, service in view.services():
        if view.whole and not (service.image or service.build or service.provider):
            view.error(
                "SU040",
                "a service has no image",
                ("services", name),
                f'"{name}" has neither image nor build',
                hint="add image: NAME, image: host, or build: FOLDER",
            )


def limits_agree(view: View) -> None:
    """The service's own keys and those of deploy say the same where both speak."""
    for name, service in view.services():
        for own, other, one, two in _pairs(service):
            if one is not None and two is not None and one != two:
                view.error(
                    "SU037",
                    "two keys contradict each other",
                    ("services", name, own),
                    f'"{own}" and "{".".join(other)}" of service "{name}" differ',
                    related=view.related("and here", "services", name, *other),
                    hint="keep one of them",
                )


def _pairs(service: Service) -> list[tuple[str, tuple[str, ...], object, object]]:
    deploy = service.deploy
    resources = deploy.resources if deploy else None
    found: list[tuple[str, tuple[str, ...], object, object]] = []
    if deploy:
        found.append(("scale", ("deploy", "replicas"), service.scale, deploy.replicas))
    if resources and resources.limits:
        at = ("deploy", "resources", "limits")
        found.append(("mem_limit", (*at, "memory"), service.mem_limit, resources.limits.memory))
        found.append(("cpus", (*at, "cpus"), service.cpus, resources.limits.cpus))
        found.append(("pids_limit", (*at, "pids"), service.pids_limit, resources.limits.pids))
    if resources and resources.reservations:
        path = ("deploy", "resources", "reservations", "memory")
        found.append(("mem_reservation", path, service.mem_reservation, resources.reservations.memory))
    return found


def numbers_make_sense(view: View) -> None:
    for name, service in view.services():
        home: Path = ("services", name)
        if service.scale is not None and service.scale < 0:
            _invalid(view, (*home, "scale"), "expected a count that is not negative")
        if service.deploy and service.deploy.replicas is not None and service.deploy.replicas < 0:
            _invalid(view, (*home, "deploy", "replicas"), "expected a count that is not negative")
        for key, limit in service.ulimits.items():
            if limit.hard >= 0 and (limit.soft < 0 or limit.soft > limit.hard):
                _invalid(view, (*home, "ulimits", key), "the soft limit is above the hard limit")
        for index, port in enumerate(service.ports):
            if not 0 < port.target < 65536:
                _invalid(view, (*home, "ports", index, "target"), f"{port.target} is no port: 1 to 65535")
        for index, mount in enumerate(service.volumes):
            if mount.type in ("bind", "image") and not mount.source and view.whole:
                _invalid(view, (*home, "volumes", index), f"a mount of type {mount.type} needs a source")


def devices_are_counted_or_named(view: View) -> None:
    for name, service in view.services():
        resources = service.deploy.resources if service.deploy else None
        reserved = resources.reservations.devices if resources and resources.reservations else ()
        home: Path = ("services", name)
        at = (*home, "deploy", "resources", "reservations", "devices")
        for path, requests in (((*home, "gpus"), service.gpus), (at, reserved)):
            for index, request in enumerate(requests):
                if request.count is not None and request.device_ids:
                    _invalid(view, (*path, index, "count"), "count and device_ids exclude each other")


def bytes_come_from_somewhere(view: View) -> None:
    stack = view.stack
    for key, secret in stack.secrets.items():
        _one_source(view, ("secrets", key), secret)
    for key, config in stack.configs.items():
        _one_source(view, ("configs", key), config)


def _one_source(view: View, path: Path, source: Secret | Config) -> None:
    ways = {"file": source.file, "environment": source.environment}
    if isinstance(source, Config):
        ways["content"] = source.content
    given = [key for key, value in ways.items() if value is not None] + (["external"] if source.external else [])
    if len(given) == 1 or (not given and not view.whole):
        return
    kind = str(path[0])[:-1]
    detail = f'{kind} "{path[1]}" has ' + (" and ".join(given) if given else "no source")
    hint = f"write one of {', '.join(ways)}, external"
    view.error("SU041", "a secret or config needs one source", path, detail, hint=hint)


def external_stands_alone(view: View) -> None:
    """What is managed elsewhere cannot be described here; files that docker compose reads do it for all but volumes."""
    for kind in ("networks", "volumes", "secrets", "configs"):
        for key, resource in getattr(view.stack, kind).items():
            if not resource.external:
                continue
            extra = sorted(resource.model_fields_set - {"name", "external", "extensions"} - _SOURCES)
            if extra:
                say = view.diagnostics.error if kind == "volumes" else view.diagnostics.warning
                say(
                    "SU042",
                    "something external cannot be described",
                    detail=f'"{extra[0]}" beside external in {kind[:-1]} "{key}"',
                    span=view.span(kind, key, extra[0]),
                    related=view.related("external here", kind, key, "external"),
                    hint="remove one of them",
                )


_SOURCES = {"file", "environment", "content"}
"""Beside external these are several sources, which another rule names."""


def addresses_have_a_subnet(view: View) -> None:
    for name, service in view.services():
        for key, attachment in service.networks.items():
            network = view.stack.networks.get(key)
            if network is None or network.external:
                continue
            for field in ("ipv4_address", "ipv6_address"):
                address = getattr(attachment, field)
                if address:
                    _address(view, ("services", name, "networks", key, field), address, network)


def _address(view: View, path: Path, address: str, network: Network) -> None:
    import ipaddress  # 8 ms, and few files have static addresses

    try:
        value = ipaddress.ip_address(address)
        subnets = [ipaddress.ip_network(pool.subnet, strict=False) for pool in network.ipam.config if pool.subnet]
    except ValueError as problem:
        _invalid(view, path, str(problem).replace("'", '"'))
        return
    if value.version == 6 and not network.enable_ipv6:
        hint = f"set networks.{path[3]}.enable_ipv6: true"
        detail = f'network "{path[3]}" has no IPv6'
        view.error("SU044", "a static address needs a subnet", path, detail, label="no IPv6", hint=hint)
        return
    if any(value in subnet for subnet in subnets if subnet.version == value.version):
        return
    detail = f'{address} is in no subnet of network "{path[3]}"'
    hint = f"give the network a subnet that holds it: networks.{path[3]}.ipam.config"
    view.error("SU044", "a static address needs a subnet", path, detail, label="in no subnet", hint=hint)


_MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}\Z", re.IGNORECASE)
_INTERFACE = re.compile(r"(?!lo\Z|\.{1,2}\Z)[^/:\s%\0]{1,15}\Z")


def links_can_be_made(view: View) -> None:
    """MAC addresses, names of interfaces, and addresses that are good on one link only."""
    for name, service in view.services():
        home: Path = ("services", name)
        _mac(view, (*home, "mac_address"), service.mac_address)
        taken: dict[str, str] = {}
        for key, place in service.networks.items():
            at = (*home, "networks", key)
            _mac(view, (*at, "mac_address"), place.mac_address)
            link = place.interface_name
            if link and (not _INTERFACE.match(link) or len(link.encode()) > 15):
                _invalid(view, (*at, "interface_name"), f'"{link}" is no name of an interface')
            elif link and taken.setdefault(link, key) != key:
                _invalid(view, (*at, "interface_name"), f'network "{taken[link]}" has the interface "{link}"')
            for number, address in enumerate(place.link_local_ips):
                _link_local(view, (*at, "link_local_ips", number), address)


def _mac(view: View, path: Path, text: str | None) -> None:
    if text and not _MAC.match(text):
        _invalid(view, path, f'"{text}" is no address of one link, such as 02:42:ac:11:00:02')


def _link_local(view: View, path: Path, text: str) -> None:
    import ipaddress  # 8 ms, and few files have such addresses

    try:
        good = ipaddress.ip_address(text).is_link_local
    except ValueError:
        good = False
    if not good:
        _invalid(view, path, f'"{text}" is not in 169.254.0.0/16 or fe80::/10')


VALUE_RULES: tuple[Callable[[View], None], ...] = (
    words_are_known,
    names_are_names,
    images_come_from_somewhere,
    limits_agree,
    numbers_make_sense,
    devices_are_counted_or_named,
    bytes_come_from_somewhere,
    external_stands_alone,
    addresses_have_a_subnet,
    links_can_be_made,
)
