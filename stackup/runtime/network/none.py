"""The none driver: a container is alone with its loopback. Its namespace is made by `container.prepare`, no link ever.

Observing tells the truth about nothing: the network is there by definition.
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


class Nothing:
    """Implements `driver.Driver`."""

    def validate(self, spec: NetworkSpec) -> None:
        if spec["subnet"]:
            raise HostError(
                f'network "{spec["name"]}" has the driver none and no addresses',
                subject=spec["name"],
                hint="leave `ipam` out, or use the bridge driver with `internal: true`",
                code="network-options",
            )

    def create(self, spec: NetworkSpec) -> Network:
        self.validate(spec)
        return Network({**spec, "internal": True, "link": "", "uplink": [], "uplink6": []})

    def attach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        return [None] * len(endpoints)

    def detach(self, network: Network, endpoints: Sequence[Endpoint]) -> list[StackupError | None]:
        return [None] * len(endpoints)

    def observe(self, network: Network) -> Data:
        return {"present": True, "internal": True}

    def remove(self, network: Network) -> list[StackupError]:
        return []
