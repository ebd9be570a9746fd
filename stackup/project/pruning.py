"""`image prune`: what has no name, or is not in use, and what was freed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from stackup.errors import UsageError
from stackup.images.manifest import created_of
from stackup.images.removing import writers
from stackup.images.store import Store
from stackup.project.filters import has_label
from stackup.project.image import in_use, store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from stackup.project.session import Session
    from stackup.values import Data


@dataclass(frozen=True, slots=True)
class Pruned:
    """`busy`: somebody is adding images, so that layers were left to the next prune."""

    names: tuple[str, ...]
    images: tuple[str, ...]
    layers: tuple[str, ...]
    freed: int
    busy: bool


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an image or a network must be to go: made before a moment (0: any), with these labels (`key[=value]`),
    without those.
    """

    until: float = 0.0
    labels: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()

    def meets(self, record: Data) -> bool:
        config = json.loads(str(record["config_text"]))
        labels = (config.get("config") or {}).get("Labels") or {}
        made = created_of(str(record["config_text"])) or float(str(record["created"]))
        return self.fit(labels, made)

    def fit(self, labels: Mapping[str, Any], made: float) -> bool:
        return (
            (not self.until or made < self.until)
            and all(has_label(labels, word) for word in self.labels)
            and not any(has_label(labels, word) for word in self.unlabelled)
        )


def conditions(filters: tuple[str, ...], moment: Callable[[str], float]) -> Conditions:
    """`until=24h`, `label=key[=value]`, `label!=key[=value]`; `moment` reads a time or an age."""
    until, labels, unlabelled = 0.0, [], []
    for word in filters:
        key, mark, value = word.partition("=")
        if key == "until" and value:
            until = moment(value)
        elif key == "label" and value:
            labels.append(value)
        elif key == "label!" and value:
            unlabelled.append(value)
        elif key == "dangling" and mark:
            raise UsageError("dangling is not a filter here", subject=word, hint="-a takes what has a name as well")
        else:
            raise UsageError(f'"{word}" is not a filter', subject=word, hint="write until=24h or label=key=value")
    return Conditions(until, tuple(labels), tuple(unlabelled))


def prune(session: Session, *, unused: bool = False, only: Conditions | None = None) -> Pruned:
    """Images without a name (`unused`: all that no container was made of) and layers without an image."""
    images = store(session)
    names = sorted(images.tags())
    sizes = _sizes(images)
    gone, layers = images.prune(keep=lambda: in_use(session), unused=unused, only=only.meets if only else None)
    busy = bool(writers(images))
    freed = sum(sizes.get(layer, 0) for layer in layers)
    return Pruned(tuple(name for name, image in names if image in gone), gone, layers, freed, busy)


def _sizes(images: Store) -> dict[str, int]:
    return {layer: images.layer_size(layer) for layer in images.layer_ids() if images.has_layer(layer)}
