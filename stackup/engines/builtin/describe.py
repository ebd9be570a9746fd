"""A container's record becomes the Description that its monitor is given: everything decided, nothing left open."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

from stackup.engines.builtin.attachments import Member
from stackup.engines.builtin.collector import collector
from stackup.engines.builtin.file import content_file
from stackup.engines.builtin.idclaims import KEY
from stackup.engines.builtin.records import Record, Shelf
from stackup.engines.builtin.rows import LIMIT_PLACES, transient
from stackup.engines.desire import log_options
from stackup.errors import HostError
from stackup.kernel import files
from stackup.layout import NETNS, Layout
from stackup.reconcile.resource import Desired
from stackup.runtime import record as status_record
from stackup.runtime.description import About, Health, HeldPort, Log, Namespaces, Process
from stackup.runtime.logwriter import MAX_FILE, MAX_SIZE
from stackup.runtime.network import container as namespace
from stackup.runtime.network import etc, names
from stackup.runtime.network.dns import RESOLVER_ADDRESS
from stackup.runtime.privileges import Powers, process_of
from stackup.runtime.signs import NOTIFY, socket_name
from stackup.runtime.spec import ContainerSpec
from stackup.values import Address, parse_size

INTERVAL, TIMEOUT, RETRIES, START_INTERVAL = 30 * 10**9, 30 * 10**9, 3, 5 * 10**9


def health(spec: ContainerSpec, image: Mapping[str, Any]) -> Health | None:
    """The file's check over the image's; None when there is none or it is turned off."""
    own = spec["health"]
    base = image.get("Healthcheck") or {}
    test = own["test"] if own and own["test"] is not None else base.get("Test")
    if not test or test[0] == "NONE":
        return None

    def pick(field: str, key: str, default: int) -> int:
        value = cast(Mapping[str, Any], own).get(field) if own else None
        return int(value if value is not None else base.get(key) or default)

    return {
        "test": list(test),
        "interval": pick("interval", "Interval", INTERVAL),
        "timeout": pick("timeout", "Timeout", TIMEOUT),
        "retries": pick("retries", "Retries", RETRIES),
        "start_period": pick("start_period", "StartPeriod", 0),
        "start_interval": pick("start_interval", "StartInterval", START_INTERVAL),
    }


def stop(spec: ContainerSpec, image: Mapping[str, Any]) -> dict[str, int | str]:
    return {"signal": spec["stop"]["signal"] or image.get("StopSignal") or "SIGTERM", "grace": spec["stop"]["grace"]}


def restart(spec: ContainerSpec) -> dict[str, int | str]:
    return cast(dict[str, int | str], dict(spec["restart"]))


def log(claim: Record) -> Log:
    """Bounded also when the file says nothing. A collector's options have `cache-` before those of the files."""
    wanted = cast(ContainerSpec, claim["spec"])["log"]
    driver, options = wanted["driver"], wanted["options"]
    where = collector(claim)
    kept = {name: options.get(f"cache-{name}" if where else name) or "" for name in log_options.FILES}
    made: Log = {
        "driver": "none" if driver == "none" else "json-file",
        "max_size": parse_size(kept["max-size"]) if kept["max-size"] else MAX_SIZE,
        "max_file": int(kept["max-file"]) if kept["max-file"] else MAX_FILE,
        "compress": log_options.flag(kept["compress"]) if kept["compress"] else driver == "local",
    }
    return {**made, "collector": where} if where else made


def process(claim: Record, powers: Powers) -> Process:
    """The container's own program; one that is to say when it is ready is told where."""
    spec, image = cast(ContainerSpec, claim["spec"]), claim["given"]["image"]
    found = process_of(spec, image, powers)
    check = health(spec, image)
    if check and check["test"] == [NOTIFY]:
        found["env"].setdefault("NOTIFY_SOCKET", f"@{socket_name(claim['instance'])}")
    return found


def about(layout: Layout, claim: Record) -> About:
    """Who it is in the stack's events; as with docker compose, its attributes are image, name and the user's labels."""
    spec = cast(ContainerSpec, claim["spec"])
    return {
        "folder": layout.events_dir(claim["stack"]),
        "service": spec["service"],
        "id": claim["instance"],
        "attributes": {**spec["labels"], "image": spec["image_name"], "name": spec["name"]},
        "transient": transient(claim),
    }


class Surroundings:
    """Where a container's namespaces and /etc files come from: its own, the host's, or another container's."""

    def __init__(self, layout: Layout, stack: str, address: Address, spec: ContainerSpec) -> None:
        self._layout = layout
        self._stack = stack
        self._address = address
        self._spec = spec
        self._shelf = Shelf(layout, stack, "container")

    @property
    def owns_network(self) -> bool:
        """Whether its network namespace is its own: on networks, or on none."""
        return self._spec["network_mode"] in ("bridge", "none", "default")

    def network_owner(self) -> tuple[str, Address]:
        """Stack and address of the container whose network namespace this one shares."""
        return self._other(self._spec["network_mode"])

    def namespaces(self) -> Namespaces:
        mode = self._spec["network_mode"]
        if mode == "host":
            net = "host"
        elif self.owns_network:
            net = os.path.join(self._shelf.live_dir(self._address), NETNS)
        else:
            stack, owner = self.network_owner()
            net = os.path.join(Shelf(self._layout, stack, "container").live_dir(owner), NETNS)
        return {
            "net": net,
            "pid": self._shared(self._spec["pid"], "pid"),
            "ipc": self._shared(self._spec["ipc"], "ipc"),
            "uts": "host" if self._spec["uts"] == "host" else "",
            "cgroup": "host" if self._spec.get("cgroup") == "host" else "",
        }

    def _shared(self, mode: str, namespace: str) -> str:
        if mode in ("", "private", "shareable", "none"):
            return ""
        if mode == "host":
            return "host"
        stack, owner = self._other(mode)
        status = status_record.observe_status(Shelf(self._layout, stack, "container").state_dir(owner))
        if status is None or status["init"] is None:
            hint = f'start "{owner}" first'
            raise HostError(f'"{self._address}" shares the {namespace} of "{owner}", which does not run',
                            subject=str(self._address), hint=hint)  # fmt: skip
        return f"/proc/{status['init']['pid']}/ns/{namespace}"

    def _other(self, mode: str) -> tuple[str, Address]:
        """`service:NAME` is the stack's own; `container:NAME` any stack's, by the container's name or instance."""
        word, _, name = mode.partition(":")
        if word == "service":
            return self._stack, Address("container", name, 1)
        for stack in files.list_dir(self._layout.stacks_dir):
            for address, found in Shelf(self._layout, stack, "container").all():
                if name and (found["spec"]["name"] == name or found["instance"].startswith(name)):
                    return stack, address
        raise HostError(
            f'there is no container "{name}"', subject=str(self._address), hint="start it, or correct its name"
        )

    def write_etc(self, record: Record, member: Member | None) -> dict[str, str]:
        """Our files for hosts, resolv.conf and hostname, by their path inside; a sharer takes its owner's."""
        folder = os.path.join(self._shelf.live_dir(self._address), "etc")
        if not self.owns_network and self._spec["network_mode"] != "host":
            stack, owner = self.network_owner()
            folder = os.path.join(Shelf(self._layout, stack, "container").live_dir(owner), "etc")
        else:
            files.make_dir(folder, 0o755)
            for name, text in self._texts(record, member).items():
                path, owner = os.path.join(folder, name), record["given"].get(KEY, 0)
                files.write_bytes(path, text.encode(), mode=0o644, durable=False)
                os.chown(path, owner, owner)
        return {f"/etc/{name}": os.path.join(folder, name) for name in ("hosts", "resolv.conf", "hostname")}

    def rewrite_hosts(self, record: Record, member: Member) -> None:
        """Into the very file that the container has mounted: a new one would never be seen."""
        path = os.path.join(self._shelf.live_dir(self._address), "etc", "hosts")
        with open(path, "r+", encoding="utf-8") as file:
            file.write(self._texts(record, member)["hosts"])
            file.truncate()

    def _texts(self, record: Record, member: Member | None) -> dict[str, str]:
        spec, hostname = self._spec, str(record["given"]["hostname"])
        host_resolv = _read("/etc/resolv.conf")
        dns = spec["dns"]
        if member and member.places:
            search = dns["search"] or etc.search_of(host_resolv)
            resolv = etc.resolv_text(servers=(RESOLVER_ADDRESS,), search=search, options=dns["options"])
        elif any(dns.values()):
            resolv = etc.resolv_text(servers=dns["servers"], search=dns["search"], options=dns["options"])
        else:
            resolv = host_resolv
        hosts = etc.hosts_text(
            hostname,
            member.all_addresses if member else (),
            domainname=spec["domainname"],
            extra_hosts=spec["extra_hosts"],
            host_gateway=member.host_end if member else "",
        )
        return {"hosts": hosts, "resolv.conf": resolv, "hostname": f"{hostname}\n"}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def resolver(member: Member | None, servers: list[str], links: dict[str, str]) -> dict[str, object] | None:
    """The monitor's name server: for a container on networks only."""
    if member is None or not member.places:
        return None
    rosters = [place.names_file for place in member.places]
    port = namespace.resolver_port()
    given = names.arguments(member.pin_file, rosters, internal=member.internal, servers=servers, links=links, port=port)
    return dict(given)


def rosters(member: Member | None) -> list[list[str]]:
    """[names file, network] of each of its networks."""
    return [[place.names_file, place.real_name] for place in member.places] if member else []


def held_ports(record: Record) -> list[HeldPort]:
    """The recorded host ports; their numbers were chosen when the container was first started."""
    return [
        cast(HeldPort, {key: value for key, value in port.items() if key != "key"})
        for port in record["given"].get("ports", ())
    ]


def file_sources(layout: Layout, stack: str, spec: ContainerSpec) -> dict[str, str]:
    """Target of each secret and config to the file with its bytes."""
    return {
        target: content_file(Shelf(layout, stack, file["kind"]), Address(file["kind"], file["name"]))
        for target, file in spec["files"].items()
    }


def note_limits(given: dict[str, Any], want: Desired) -> None:
    """Where the file says how much there is, for whoever runs out of it; kept where a start knows no file."""
    if want.origins:
        origins = {path[1:]: span for path, span in want.origins.items() if path[0:1] == ("limits",)}
        given[LIMIT_PLACES] = {"/".join(path): span.place for path, span in origins.items()}
