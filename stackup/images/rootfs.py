"""What a container's root is made of, as data: images mount nothing."""

from __future__ import annotations

from dataclasses import dataclass

from stackup.images.manifest import ImageConfig


@dataclass(frozen=True, slots=True)
class Rootfs:
    """Overlay lowers, the top one first, and what the image says about running it.

    `id` names the content (an image id, or the layer id of the machine's own root). `binds` are (source on this
    machine, target in the root), to be bound read-only without submounts; only where /usr cannot be a lower.
    """

    lowers: tuple[str, ...]
    config: ImageConfig
    id: str
    binds: tuple[tuple[str, str], ...] = ()
