"""Containers on their networks: addresses leased, links made in one batch a network, names entered, ports published.

A network may belong to another stack (`external`), so leases and names lie beside the network that is real, under a
lock of their own, and members are known by stack and address.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from stackup.engines.builtin import earlier
from stackup.engines.builtin.network import missing, network_of
from stackup.engines.builtin.records import Record, Shelf, find_real
from stackup.engines.engine import ONE_OFF
from stackup.errors import StackupError
from stackup.kernel import files
from stackup.layout import NAMES, NETNS, Layout
from stackup.runtime.network import attachments, options, pools, roster
from stackup.runtime.network.attachments import Placed, Wanted
from stackup.runtime.network.driver import Driver, Endpoint, Network
from stackup.runtime.network.pools import Wish
from stackup.runtime.network.ports import Published
from stackup.runtime.spec import Attachment, ContainerSpec
from stackup.values import Address

LEASES = "leases.json"
INSIDE, CONNECTED, LINKED = "inside", "connected", "linked"
"""Keys of a container's `given`."""


@dataclass(frozen=True, slots=True)
class Place:
    """One container's place on one real network; `key` is what its stack calls that network."""

    key: str
    network: Network
    folder: str
    """Live folder of the real network."""
    state_folder: str
    reserved: tuple[str, ...]
    ip_ranges: tuple[str, str]
    real_name: str
    inside: Placed
    statics: tuple[str, str]
    """What the file asks for, of each family, as in `Member.addresses`."""
    mac: str
    names: tuple[str, ...]
    link_local: tuple[str, ...]
    options: Mapping[str, str]

    @property
    def names_file(self) -> str:
        return os.path.join(self.folder, NAMES)


@dataclass(slots=True)
class Member:
    """A container with its places; `addresses` are filled in by `lease`, in the order of `places`: for each its IPv4
    and its IPv6 address, empty on a network without that family.
    """

    stack: str
    address: Address
    pin_file: str
    places: list[Place]
    addresses: list[list[str]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """How the network's leases and names know it."""
        return f"{self.stack}/{self.address}"

    @property
    def gateways(self) -> list[tuple[Place, str]]:
        """For each family that it has: the place whose network its ports are published through, and its address."""
        pairs = [*zip(self.places, self.addresses, strict=True)]
        four = [(place, pair[0]) for place, pair in pairs if place.inside.default]
        return four + [(place, pair[1]) for place, pair in pairs if place.inside.default6]

    @property
    def all_addresses(self) -> list[str]:
        return [address for pair in self.addresses for address in pair if address]

    @property
    def host_end(self) -> str:
        """What `host-gateway` means to it."""
        ends = [place.network["uplink6" if ":" in address else "uplink"] for place, address in self.gateways]
        return next((end[0] for end in ends if end), "")

    @property
    def binding(self) -> str:
        """Where its ports are published that name no address."""
        return next((place.network["binding"] for place, _ in self.gateways), "")

    @property
    def inside(self) -> dict[str, list[Any]]:
        """Interface and reply table by network, for the record: they stay as they are while others come and go."""
        return {place.key: [place.inside.link, place.inside.table] for place in self.places}

    @property
    def by_name(self) -> dict[str, list[str]]:
        """Addresses by the network's real name, for the record."""
        return dict(zip((place.real_name for place in self.places), self.addresses, strict=True))

    @property
    def internal(self) -> bool:
        return all(place.network["internal"] for place in self.places)


def member(
    layout: Layout, stack: str, address: Address, spec: ContainerSpec, given: Mapping[str, Any] | None = None
) -> Member:
    """Where a container belongs, before anything is done. Raises HostError when a network is not there.

    `given` is its record's: where its networks are plugged already, and those that were connected by hand.
    """
    shelf = Shelf(layout, stack, "network")
    given = given or {}
    places_wanted: dict[str, Attachment] = {**spec["networks"], **given.get(CONNECTED, {})}
    reals = {name: _real(layout, shelf, name) for name in places_wanted}
    placed = attachments.place(
        {
            name: Wanted(
                internal=bool(reals[name]["spec"]["internal"]),
                gw_priority=own["gw_priority"],
                priority=own["priority"],
                interface=own["interface"] or own["options"].get(options.INTERFACE, ""),
                prefix=cast(dict[str, str], reals[name]["spec"]["driver_opts"]).get(options.INTERFACES, "eth"),
                four=bool(reals[name]["spec"]["ipv4"]),
                six=bool(reals[name]["spec"]["ipv6"]),
            )
            for name, own in places_wanted.items()
        },
        given.get(INSIDE),
    )
    places = [_place(layout, reals[key], spec, key, places_wanted[key], inside) for key, inside in placed.items()]
    pin_file = os.path.join(Shelf(layout, stack, "container").live_dir(address), NETNS)
    return Member(stack, address, pin_file, places)


def links(spec: ContainerSpec, given: Mapping[str, Any]) -> dict[str, str]:
    """What it calls others: by the file, and by each connection that was made by hand."""
    found = dict(spec["links"])
    for said in given.get(LINKED, {}).values():
        found |= said
    return found


def by_hand(name: str) -> str:
    """The key of a network that a container was connected to by its real name: no file can have such a key."""
    return f"~{name}"


def _real(layout: Layout, shelf: Shelf, name: str) -> Record:
    if name.startswith("~"):
        return need_real(layout, name[1:])
    record = shelf.need(Address("network", name))
    if not record["spec"]["external"]:
        return record
    return need_real(layout, str(record["spec"]["name"]))


def real_name(layout: Layout, stack: str, key: str) -> str:
    """What a stack's network is called on the host; empty for what is known by that name only."""
    found = Shelf(layout, stack, "network").read(Address("network", key)) if not key.startswith("~") else None
    return str(found["spec"]["name"]) if found else ""


def need_real(layout: Layout, name: str) -> Record:
    """The network of that real name, whoseever it is."""
    found = find_real(layout, "network", name)
    if found is None:
        raise missing("network", name)
    return found


def _place(layout: Layout, real: Record, spec: ContainerSpec, key: str, wanted: Attachment, inside: Placed) -> Place:
    home = Shelf(layout, real["stack"], "network")
    address = Address.parse(real["address"])
    reserved = cast(dict[str, str], real["spec"]["reserved"])
    common = [] if spec.get("labels", {}).get(ONE_OFF) == "True" else [spec["service"]]
    own = [spec["name"], *common, *wanted["aliases"]]
    return Place(
        key,
        network_of(real),
        home.live_dir(address),
        home.state_dir(address),
        tuple(reserved.values()),
        (str(real["spec"]["ip_range"]), str(real["spec"]["ip_range6"])),
        str(real["spec"]["name"]),
        inside,
        (wanted["ipv4"], wanted["ipv6"]),
        wanted["mac"],
        tuple(dict.fromkeys(own)),
        tuple(wanted["link_local"]),
        wanted["options"],
    )


def lease(members: Sequence[Member]) -> None:
    """Addresses on each network for everyone, the same as last time where there were some."""
    leased: dict[tuple[str, str], list[str]] = {}
    for home, keys in _by_network(members):
        with files.Lock(os.path.join(home.folder, "leases.lock"), "leasing addresses", waiting=lambda _: None):
            leases_file = os.path.join(home.state_folder, LEASES)
            leases = earlier.pairs(files.read_json(leases_file) or {})
            four, six = (_choose(home, side, keys, leases) for side in (0, 1))
            chosen = {key: [four.get(key, ""), six.get(key, "")] for key in keys}
            if any(leases.get(key) != pair for key, pair in chosen.items()):
                files.write_json(leases_file, {**leases, **chosen}, durable=False)
        leased |= {(home.folder, key): pair for key, pair in chosen.items()}
    for one in members:
        one.addresses = [leased[place.folder, one.key] for place in one.places]


def _choose(
    home: Place, side: int, keys: Mapping[str, Place], leases: Mapping[str, Sequence[str]]
) -> Mapping[str, str]:
    """Of one family (0: IPv4, 1: IPv6), by key."""
    subnet = home.network["subnet6"] if side else home.network["subnet"]
    if not subnet:
        return {}
    wishes = {key: Wish(own.statics[side], leases[key][side] if key in leases else "") for key, own in keys.items()}
    taken = [home.network["gateway6"] if side else home.network["gateway"]]
    taken += [address for address in home.reserved if (":" in address) == bool(side)]
    taken += [pair[side] for key, pair in leases.items() if key not in keys and pair[side]]
    return pools.choose_addresses(subnet, wishes, taken=taken, ip_range=home.ip_ranges[side])


def release(members: Iterable[Member]) -> None:
    """Give addresses and names back; what is gone already is no error."""
    for home, keys in _by_network(members):
        leases_file = os.path.join(home.state_folder, LEASES)
        with files.Lock(os.path.join(home.folder, "leases.lock"), "giving addresses back", waiting=lambda _: None):
            leases = earlier.pairs(files.read_json(leases_file) or {})
            kept = {key: pair for key, pair in leases.items() if key not in keys}
            if kept != leases and os.path.isdir(home.state_folder):
                files.write_json(leases_file, kept, durable=False)
        roster.change(home.names_file, home.real_name, dict.fromkeys(keys))


def attach(driver: Driver, members: Sequence[Member]) -> dict[str, StackupError]:
    """Links, addresses and routes for all, one batch a network; who failed and why, by key."""
    failures: dict[str, StackupError] = {}
    for home, keys in _by_network(members):
        present = [one for one in members if one.key in keys and one.key not in failures]
        endpoints = [endpoint(one, _number(one, home.folder)) for one in present]
        for one, error in zip(present, driver.attach(home.network, endpoints), strict=True):
            if error:
                failures[one.key] = error
    return failures


def detach(driver: Driver, members: Sequence[Member]) -> dict[str, StackupError]:
    """All links at once; what went wrong, by key. Gone already is no failure."""
    failures: dict[str, StackupError] = {}
    for home, keys in _by_network(members):
        present = [one for one in members if one.key in keys]
        endpoints = [endpoint(one, _number(one, home.folder)) for one in present]
        for one, error in zip(present, driver.detach(home.network, endpoints), strict=True):
            if error:
                failures[one.key] = error
    return failures


def _number(one: Member, folder: str) -> int:
    """Which of its places is on that network."""
    return next(number for number, place in enumerate(one.places) if place.folder == folder)


def endpoint(one: Member, number: int) -> Endpoint:
    """A container's place as the driver wants it."""
    own = one.places[number]
    return {
        "stack": one.stack,
        "key": str(one.address),
        "pin_file": one.pin_file,
        "link": own.inside.link,
        "address": one.addresses[number][0] if one.addresses else "",
        "address6": one.addresses[number][1] if one.addresses else "",
        "mac": own.mac,
        "default": own.inside.default,
        "default6": own.inside.default6,
        "link_local": [*own.link_local],
        "mtu": options.number(own.options, options.MTU),
        "sysctls": options.sysctls(own.options, own.inside.link),
        "table": own.inside.table,
    }


def enter_names(members: Sequence[Member], *, up: bool) -> None:
    """Who answers to which name on each network, one write a network."""
    for home, keys in _by_network(members):
        entries: dict[str, roster.Member | None] = {}
        for one in members:
            if one.key in keys:
                number = _number(one, home.folder)
                names = list(one.places[number].names)
                address, address6 = one.addresses[number]
                entries[one.key] = {"address": address, "address6": address6, "names": names, "up": up}
        roster.change(home.names_file, home.real_name, entries)


def published(one: Member, given_ports: Sequence[Published]) -> list[Published]:
    """Recorded ports with the addresses that they lead to now."""
    ways = [address for place, address in one.gateways if not place.network["parent"]]
    return [{**port, "address": address} for port in given_ports for address in ways]


def _by_network(members: Iterable[Member]) -> Iterable[tuple[Place, dict[str, Place]]]:
    """Each real network once, with the places of everyone on it by key."""
    found: dict[str, tuple[Place, dict[str, Place]]] = {}
    for one in members:
        for place in one.places:
            found.setdefault(place.folder, (place, {}))[1][one.key] = place
    return [found[folder] for folder in sorted(found)]
