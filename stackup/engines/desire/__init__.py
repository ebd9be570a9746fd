"""What a stack wants of a host, in normal forms: the one place where the file's vocabulary meets the runtime's.

Pure but for the facts that it is handed. Nothing here depends on which engine will do it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stackup.engines.desire import container, images, resources, sources
from stackup.engines.desire.facts import Context, Facts, ImageFact, Look, Origins, Wish
from stackup.reconcile.resource import Desired
from stackup.values import Data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stackup.diagnostics import Diagnostic
    from stackup.stackfile.model import Network, Stack, Volume

__all__ = ["Facts", "Images", "Origins", "Wish", "desire", "known", "network_form", "runs", "volume_form"]


@dataclass(frozen=True, slots=True)
class Images:
    """Ids of what services run, by service, and of what they mount, by what the file calls it; and what must be
    fetched or built before they are here."""

    services: Mapping[str, str]
    mounted: Mapping[str, str]
    missing: tuple[Desired, ...]


def desire(
    stack: Stack, origins: Origins, facts: Facts, wish: Wish, directory: str = ""
) -> tuple[tuple[Desired, ...], tuple[Diagnostic, ...]]:
    """All resources of a stack, sorted by address, and what stands in the way of having them."""
    context = Context(facts, wish, origins, directory)
    found = [
        *resources.networks(stack, context),
        *resources.volumes(stack, context),
        *sources.files(stack, context),
        *container.containers(stack, context),
    ]
    return tuple(sorted(found, key=lambda item: item.address)), tuple(context.problems)


def runs(stack: Stack, origins: Origins, facts: Facts, wish: Wish) -> tuple[Images, tuple[Diagnostic, ...]]:
    """The images of a stack alone, whatever else it lacks, and what stands in the way of having them."""
    context = Context(facts, wish, origins)
    found = images.images_of(stack, context)
    services = {name: fact.id for name, fact in found.items()}
    return Images(services, dict(context.mounted), tuple(images.fetched(context))), tuple(context.problems)


def network_form(key: str, network: Network) -> tuple[Data, tuple[Diagnostic, ...]]:
    """The normal form of a network that no file describes."""
    context = Context(_Nothing(), Wish(), {})
    return resources.network(key, network, context), tuple(context.problems)


def volume_form(key: str, volume: Volume) -> tuple[Data, tuple[Diagnostic, ...]]:
    """The normal form of a volume that no file describes."""
    context = Context(_Nothing(), Wish(), {})
    return resources.volume(key, volume, context), tuple(context.problems)


class _Nothing:
    """Facts for who asks for none."""

    def expect(self, asked: Iterable[tuple[str, Look]]) -> None:
        return None

    def image(self, reference: str, look: Look) -> None:
        return None

    def built(self, form: Data, *, anyway: bool = False) -> ImageFact:
        raise AssertionError("no file, no builds")

    def file_digest(self, path: str) -> str:
        return ""

    def exists(self, path: str) -> bool:
        return True

    def mounts_of(self, container: str) -> None:
        return None

    def file_text(self, path: str, limit: int) -> None:
        return None

    def has_security_module(self, name: str) -> bool:
        return False

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
