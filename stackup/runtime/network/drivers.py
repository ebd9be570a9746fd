"""Every driver behind one: a network is handled by the driver that its spec names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.kernel import nftables
from stackup.runtime.network.bridge import Bridge
from stackup.runtime.network.parented import Parented

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.errors import StackupError
    from stackup.runtime.network.addressing import HostRoutes
    from stackup.runtime.network.driver import Driver, Endpoint, Network, NetworkSpec
    from stackup.values import Data


class Drivers:
    """Implements `driver.Driver`."""

    def __init__(self, run_dir: str) -> None:
        self._by_name: dict[str, Driver] = {
            "bridge": Bridge(run_dir, tables=nftables.available()),
            "macvlan": Parented("macvlan", run_dir),
            "ipvlan": Parented("ipvlan", run_dir),
        }

    def _of(self, spec: NetworkSpec) -> Driver:
        return self._by_name[spec["driver"]]

    def validate(self, spec: NetworkSpec) -> None:
        self._of(spec).validate(spec)

    def create(self, spec: NetworkSpec, routes: HostRoutes | None = None) -> Network:
        return self._of(spec).create(spec, routes)

    def half_made(self, spec: NetworkSpec) -> Network:
        return self._of(spec).half_made(spec)

    def attach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        return self._of(network).attach(network, endpoints)

    def detach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        return self._of(network).detach(network, endpoints)

    def observe(self, network: Network) -> Data:
        return self._of(network).observe(network)

    def remove(self, networks: Sequence[Network]) -> list[StackupError | None]:
        found: dict[int, StackupError | None] = {}
        for name, driver in self._by_name.items():
            places = [place for place, network in enumerate(networks) if network["driver"] == name]
            found.update(
                zip(places, driver.remove([networks[place] for place in places]) if places else (), strict=True)
            )
        return [found[place] for place in range(len(networks))]
