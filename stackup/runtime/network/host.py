"""The host driver: the host's own network as it is. Nothing is made, nothing can be left behind.

Containers with `network_mode: host` join the host's namespace; ports are not published, names are the host's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.errors import HostError
from stackup.runtime.network.driver import Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.errors import StackupError
    from stackup.runtime.network.driver import Endpoint, NetworkSpec
    from stackup.values import Data


class Host:
    """Implements `driver.Driver`."""

    def validate(self, spec: NetworkSpec) -> None:
        if spec["internal"] or spec["subnet"]:
            raise HostError(
                f'network "{spec["name"]}" is the host\'s own and has no subnet or isolation to choose',
                subject=spec["name"],
                hint="leave `internal` and `ipam` out, or use the bridge driver",
                code="network-options",
            )

    def create(self, spec: NetworkSpec) -> Network:
        self.validate(spec)
        return Network({**spec, "link": "", "uplink": [], "uplink6": []})

    def attach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        return [None] * len(endpoints)

    def detach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        return [None] * len(endpoints)

    def observe(self, network: Network) -> Data:
        return {"present": True}

    def remove(self, network: Network) -> list[StackupError]:
        return []
