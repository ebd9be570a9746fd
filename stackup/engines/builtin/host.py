"""This machine as a place that runs stacks: opening it costs nothing, and what costs is loaded when it is asked for."""

from __future__ import annotations

from stackup.kernel.files import require_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from stackup.engines.builtin.engine import BuiltinEngine
    from stackup.engines.desire.facts import Facts
    from stackup.engines.engine import Builder, Direct, Finding, Pins, Vault
    from stackup.layout import Layout


class BuiltinHost:
    """Implements `engine.Host`. `environ` is the caller's, by value: secrets may come from it. Records are believed, so
    folders that others may write to are refused before anything is read."""

    def __init__(self, layout: Layout, environ: Mapping[str, str]) -> None:
        for root in (layout.state, layout.run):
            require_own(root)
        self.layout = layout
        self.environ = environ

    @property
    def direct(self) -> Direct:
        from stackup.engines.builtin.direct import BuiltinDirect

        return BuiltinDirect(self.layout)

    def engine(self, stack: str) -> BuiltinEngine:
        from stackup.engines.builtin.engine import BuiltinEngine  # networks, images: only when something is planned

        return BuiltinEngine(self.layout, stack, self.environ)

    def facts(self) -> Facts:
        from stackup.engines.builtin.facts import HostFacts

        return HostFacts(self.layout, self.environ)

    def pins(self) -> Pins:
        from stackup.engines.builtin.pins import HostPins

        return HostPins(self.layout, self.environ)

    @property
    def vault(self) -> Vault:
        from stackup.engines.builtin.vault import Vault

        return Vault(self.layout)

    def builder(self) -> Builder:
        from stackup.engines.builtin.build import HostBuilder

        return HostBuilder(self.layout, self.environ)

    def inputs(self) -> list[str]:
        stored = [self.layout.vault_dir(kind) for kind in ("secret", "config")]
        return [f"{self.layout.images_dir}/tags", f"{self.layout.images_dir}/images", *stored]

    def free_ports(self, places: Sequence[tuple[str, str]], avoid: frozenset[int]) -> list[int]:
        from stackup.runtime.network.ports import free

        return free(places, avoid)

    def unchanged(self, stack: str, rows: list[dict[str, Any]]) -> bool:
        from stackup.engines.builtin.steady import unchanged

        return unchanged(self.layout, stack, rows)

    def findings(self) -> list[Finding]:
        from stackup.engines.builtin.doctor import findings

        return findings(self.layout)


def open_host(layout: Layout, environ: Mapping[str, str]) -> BuiltinHost:
    """Where `project.hosts` finds this engine."""
    return BuiltinHost(layout, environ)
