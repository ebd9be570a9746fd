"""Networks of the built-in engine: a record, and a namespace with a bridge that the driver makes and observes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from stackup.engines.builtin.records import Record, Shelf, attempt, each, find_real, seen, wanted
from stackup.engines.desire.effects import NETWORK
from stackup.errors import HostError
from stackup.kernel import netns
from stackup.layout import NETNS, Layout
from stackup.reconcile.resource import Observed, Outcome, Tell, Work
from stackup.runtime.network import claims, families, options
from stackup.runtime.network.addressing import HostRoutes
from stackup.runtime.network.driver import Network, NetworkSpec
from stackup.runtime.network.drivers import Drivers
from stackup.values import Address, Data, FieldPath, Json

GONE = "the network that it stands for is gone"


class NetworkKind:
    """The record's `given` is the driver's Network: the spec with subnet, gateway and uplink filled in."""

    name = "network"
    effects = NETWORK

    def __init__(self, layout: Layout, stack: str) -> None:
        self._layout = layout
        self._shelf = Shelf(layout, stack, self.name)
        self._driver = Drivers(layout.run)

    def observe(self, stack: str) -> Iterable[Observed]:
        for address, record in Shelf(self._layout, stack, self.name).all():
            yield self._observe(address, record)

    def _observe(self, address: Address, record: Record) -> Observed:
        return seen(self._layout, address, record, GONE, lambda: self._live(record))

    def _live(self, record: Record) -> dict[FieldPath, Json]:
        """Only what is not as it should be: the rest is confirmed."""
        facts = self._driver.observe(network_of(record))
        if not facts["present"]:
            return {("bridge",): False}
        wrong = [name for name in ("bridge", "uplink", "routed", "admitted") if facts.get(name) is False]
        return {("rules" if name == "admitted" else "uplink" if name == "routed" else name,): False for name in wrong}

    def create(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        routes = HostRoutes()
        return self._saying(works, tell, lambda: each(works, lambda work: self._create(work, routes)))

    def update(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return each(works, self._update)

    def delete(self, works: Sequence[Work], tell: Tell) -> Iterable[Outcome]:
        return self._saying(works, tell, lambda: list(self._delete(works)))

    def _saying(self, works: Sequence[Work], tell: Tell, verb: Callable[[], list[Outcome]]) -> list[Outcome]:
        """Whether the host forwards is the host's own affair: whoever changes it says so."""
        before = families.turned_on(claims.read(self._layout.run))
        outcomes = verb()
        after = families.turned_on(claims.read(self._layout.run))
        for switch in after:
            if switch not in before:
                tell.progress(works[0].step, f"{switch} was off and is turned on until the last network goes")
        for switch in before:
            if switch not in after:
                tell.progress(works[0].step, f"{switch} is off again, as it was found")
        return outcomes

    def _create(self, work: Work, routes: HostRoutes) -> None:
        want = wanted(work)
        if not want.spec["external"]:
            self._driver.validate(self._spec(work.address, want.spec))
        record = self._shelf.claim(want)
        self._make(work.address, want.spec, record, routes)
        self._shelf.settle(want, record)

    def _make(self, address: Address, spec: Data, record: Record, routes: HostRoutes) -> None:
        if spec["external"]:
            real = find_real(self._layout, self.name, str(spec["name"]))
            if real is None:
                raise missing("network", str(spec["name"]))
            record["given"] = real["given"]
        else:
            record["given"] = dict(self._driver.create(self._spec(address, spec), routes))

    def _update(self, work: Work) -> None:
        """A namespace that was lost (a reboot, a hand) is made again as it was; containers are attached by theirs."""
        want, record = wanted(work), self._shelf.need(work.address)
        if not want.spec["external"]:
            record["given"] = dict(self._driver.create(network_of(record)))
        self._shelf.settle(want, record)

    def _delete(self, works: Sequence[Work]) -> Iterator[Outcome]:
        """All at once: most of the time is the kernel's wait for readers, once a call."""
        records = {work.address: self._shelf.leave(work.address) for work in works}
        made = [address for address, record in records.items() if record and not record["spec"]["external"]]
        problems = dict(zip(made, self._driver.remove([self._real(one, records[one]) for one in made]), strict=True))
        for work in works:
            problem = problems.get(work.address)
            yield Outcome(work.step, problem or attempt(self._shelf.forget, work.address))

    def _real(self, address: Address, record: Record | None) -> Network:
        """What the record's network is; known only once it was made."""
        assert record is not None
        return network_of(record) if record["given"] else self._driver.half_made(self._spec(address, record["spec"]))

    def end(self, directory: str) -> None:
        """A network without a record: its namespace goes, and with it whatever is plugged in."""
        netns.remove(os.path.join(self._layout.live_dir(self._shelf.stack, self.name, directory), NETNS))

    def _spec(self, address: Address, spec: Data) -> NetworkSpec:
        said = cast(dict[str, str], spec["driver_opts"])
        return {
            "stack": self._shelf.stack,
            "name": address.name,
            "pin_file": f"{self._shelf.live_dir(address)}/{NETNS}",
            "driver": str(spec["driver"]),
            "internal": bool(spec["internal"]),
            "ipv4": bool(spec["ipv4"]),
            "ipv6": bool(spec["ipv6"]),
            "subnet": str(spec["subnet"]),
            "gateway": str(spec["gateway"]),
            "subnet6": str(spec["subnet6"]),
            "gateway6": str(spec["gateway6"]),
            "mtu": options.number(said, options.MTU),
            "link_name": said.get(options.NAME, ""),
            "parent": said.get(options.PARENT, ""),
            "mode": said.get(options.MACVLAN_MODE) or said.get(options.IPVLAN_MODE, ""),
            "apart": not options.wanted(said, options.ICC, True),
            "masquerade": options.wanted(said, options.MASQUERADE, True),
            "binding": said.get(options.BINDING, ""),
        }


def network_of(record: Record) -> Network:
    """What the driver made, as it was recorded."""
    return cast(Network, record["given"])


def missing(kind: str, name: str) -> HostError:
    return HostError(
        f'the external {kind} "{name}" does not exist',
        subject=name,
        hint=f"bring up the stack that owns it, or leave `external` out and this stack makes a {kind} of its own",
    )
