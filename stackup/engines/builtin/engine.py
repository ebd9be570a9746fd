"""The built-in engine: the list of its kinds, bound to this machine and one stack."""

from __future__ import annotations

from collections.abc import Mapping

from stackup.engines.builtin import build_site
from stackup.engines.builtin.container import ContainerKind
from stackup.engines.builtin.direct import BuiltinDirect
from stackup.engines.builtin.file import FileKind
from stackup.engines.builtin.image import ImageKind
from stackup.engines.builtin.network import NetworkKind
from stackup.engines.builtin.powers import require_root
from stackup.engines.builtin.records import Shelf, nothing
from stackup.engines.builtin.volume import VolumeKind
from stackup.engines.engine import Direct
from stackup.layout import Layout
from stackup.reconcile.resource import Kind
from stackup.runtime.network import claims


class BuiltinEngine:
    """Implements `engine.Engine`."""

    name = "builtin"

    def __init__(self, layout: Layout, stack: str, environ: Mapping[str, str]) -> None:
        self._layout = layout
        self._stack = stack
        self._containers = ContainerKind(layout, stack)
        kinds: tuple[Kind, ...] = (
            ImageKind(layout, environ),
            NetworkKind(layout, stack),
            VolumeKind(layout, stack),
            FileKind(layout, stack, "secret"),
            FileKind(layout, stack, "config"),
            self._containers,
        )
        self.kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds}

    def sweep(self) -> list[str]:
        require_root()
        told: list[str] = []
        for name, kind in self.kinds.items():
            told += Shelf(self._layout, self._stack, name).sweep(getattr(kind, "end", nothing))
            if isinstance(kind, FileKind):
                kind.sweep()
        told += self._containers.mend()
        claims.sweep(self._layout.run)
        build_site.sweep(self._layout)
        return told

    @property
    def stop_timeout(self) -> float | None:
        """Seconds that a stop may take before it becomes a kill; None: as each container says."""
        return self._containers.stop_timeout

    @stop_timeout.setter
    def stop_timeout(self, seconds: float | None) -> None:
        self._containers.stop_timeout = seconds

    @property
    def parks(self) -> bool:
        """Nobody wants what is stopped to stay so: the machine goes down."""
        return self._containers.parks

    @parks.setter
    def parks(self, parks: bool) -> None:
        self._containers.parks = parks

    @property
    def direct(self) -> Direct:
        return BuiltinDirect(self._layout)

    def close(self) -> None:
        """The launcher goes; what runs goes on running."""
        self._containers.close()
