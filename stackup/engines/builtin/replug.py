"""Networks of a container that runs: plugged in and pulled out, renamed and readdressed, while its program goes on.

Two halves, as for ports: first everybody of a group lets go of what he shall not have any more, then all take what is
new. Connections over networks that stay are never touched: their links, addresses and reply tables are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stackup.engines.builtin import attachments, describe
from stackup.engines.builtin.attachments import CONNECTED, INSIDE, Member
from stackup.engines.builtin.records import Record, Shelf
from stackup.engines.builtin.replicas import Replicas
from stackup.errors import HostError
from stackup.layout import NETNS, Layout
from stackup.runtime.client import Client
from stackup.runtime.network import plug, ports
from stackup.runtime.network.driver import Driver
from stackup.runtime.spec import Attachment, ContainerSpec
from stackup.values import Address

_LOOSE = frozenset({"aliases", "priority", "gw_priority"})
"""What changes without another link."""


class Replug:
    """One container. `claim` is edited; whoever called writes it."""

    def __init__(self, layout: Layout, driver: Driver, stack: str, address: Address, claim: Record) -> None:
        self._layout = layout
        self._driver = driver
        self._stack = stack
        self._address = address
        self._claim = claim
        self._given = claim["given"]
        self._live_dir = Shelf(layout, stack, "container").live_dir(address)

    def release(self, wanted: Mapping[str, Attachment]) -> None:
        """Pulls out of every network that is not wanted as it is; the network itself may be gone already."""
        spec = cast(ContainerSpec, self._claim["spec"])
        wanted = self._without_twins(wanted)
        there = {**spec["networks"], **self._given.get(CONNECTED, {})}
        leaving = {key: place for key, place in there.items() if _moves(place, wanted.get(key))}
        plugged = self._given.get(INSIDE, {})
        for key, place in leaving.items():
            if key in plugged:
                self._pull(key, place, spec)
                del plugged[key]
            if key not in wanted:
                self._given.get(CONNECTED, {}).pop(key, None)

    def _without_twins(self, wanted: Mapping[str, Attachment]) -> Mapping[str, Attachment]:
        """What was connected by hand and is in the file by now is the file's."""
        twins = {attachments.by_hand(attachments.real_name(self._layout, self._stack, key)) for key in wanted}
        return {key: place for key, place in wanted.items() if key not in twins}

    def _pull(self, key: str, place: Attachment, spec: ContainerSpec) -> None:
        link, table = self._given[INSIDE][key]
        one = self._alone(key, place, spec)
        addresses: list[str] = []
        if one is not None:
            addresses = self._given["addresses"].pop(one.places[0].real_name, [])
            one.addresses = [addresses or ["", ""]]
            failure = self._driver.detach(one.places[0].network, [attachments.endpoint(one, 0)])[0]
            if failure:
                raise failure
            attachments.release([one])
        plug.leave(f"{self._live_dir}/{NETNS}", link, table, addresses)

    def _alone(self, key: str, place: Attachment, spec: ContainerSpec) -> Member | None:
        """The container as if it were on this network only; None when the network is gone."""
        alone = cast(ContainerSpec, {**spec, "networks": {key: place}})
        given = {INSIDE: {key: self._given[INSIDE][key]}}
        try:
            return attachments.member(self._layout, self._stack, self._address, alone, given)
        except HostError:
            return None

    def take(self, spec: ContainerSpec) -> None:
        """Plugs into what is new, and tells its names, its ports and its monitor. What is there already stays."""
        member = attachments.member(self._layout, self._stack, self._address, spec, self._given)
        attachments.lease([member])
        self._given["addresses"], self._given[INSIDE] = member.by_name, member.inside
        failures = attachments.attach(self._driver, [member])
        if failures:
            raise failures[member.key]
        attachments.enter_names([member], up=True)
        self._tell("rosters", describe.rosters(member))
        links = attachments.links(spec, self._given)
        self._tell("resolver", describe.resolver(member, spec["dns"]["servers"], links))
        describe.Surroundings(self._layout, self._stack, self._address, spec).rewrite_hosts(self._claim, member)
        if self._given.get("ports"):
            self.move_ports(member)

    def move_ports(self, member: Member) -> None:
        """The recorded ports, and no others, lead to where the container is reached now.

        Old ones lead nowhere before they are given up, new ones are held before anything leads to them.
        """
        before, given = self._given.get("published", []), self._given["ports"]
        after = attachments.published(member, given) if ports.kernel_serves(foreign_rules=True) else []
        ports.unpublish([port for port in before if port not in after])
        self._given["published"] = after
        to = member.gateways[0][1] if member.places else ""
        self._tell("ports", describe.held_ports(self._claim), to=to)
        ports.publish(Replicas(self._layout, self._stack).published(self._address, after))

    def _tell(self, what: str, value: Any, **more: str) -> None:
        Client(self._live_dir).request({"do": "update", "what": what, "value": value, **more})


def _moves(place: Attachment, wanted: Attachment | None) -> bool:
    if wanted is None:
        return True
    return any(value != wanted.get(field) for field, value in place.items() if field not in _LOOSE)
