"""What a stack wants of a host, in normal forms: the one place where the file's vocabulary meets the runtime's.

Pure but for the facts that it is handed. Nothing here depends on which engine will do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackup.engines.desire import container, resources, sources
from stackup.engines.desire.facts import Context, Facts, Look, Origins, Wish
from stackup.reconcile.resource import Desired
from stackup.values import Data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackup.diagnostics import Diagnostic
    from stackup.stackfile.model import Network, Stack

__all__ = ["Facts", "Origins", "Wish", "desire", "known", "network_form"]


def desire(
    stack: Stack, origins: Origins, facts: Facts, wish: Wish
) -> tuple[tuple[Desired, ...], tuple[Diagnostic, ...]]:
    """All resources of a stack, sorted by address, and what stands in the way of having them."""
    context = Context(facts, wish, origins)
    found = [
        *resources.networks(stack, context),
        *resources.volumes(stack, context),
        *sources.files(stack, context),
        *container.containers(stack, context),
    ]
    return tuple(sorted(found, key=lambda item: item.address)), tuple(context.problems)


def network_form(key: str, network: Network) -> tuple[Data, tuple[Diagnostic, ...]]:
    """The normal form of a network that no file describes."""
    context = Context(_Nothing(), Wish(), {})
    return resources.network(key, network, context), tuple(context.problems)


class _Nothing:
    """Facts for who asks for none."""

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        return None

    def image(self, reference: str, look: Look) -> None:
        return None

    def file_digest(self, path: str) -> str:
        return ""

    def variable(self, name: str) -> None:
        return None

    def seal(self, text: str) -> tuple[str, str]:
        return "", ""

    def stored(self, kind: str, name: str) -> None:
        return None


def known(stack: Stack, disabled: tuple[str, ...] = ()) -> frozenset[tuple[str, str]]:
    """Everything that the file speaks of, by kind and name, whether this run uses it or not."""
    names = {
        "container": (*stack.services, *disabled),
        "network": tuple(stack.networks),
        "volume": tuple(stack.volumes),
        "secret": tuple(stack.secrets),
        "config": tuple(stack.configs),
    }
    return frozenset((kind, name) for kind, group in names.items() for name in group)
