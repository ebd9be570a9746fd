"""What a volume driver is: it checks options, brings a volume's data to a folder, says if it is there, lets go of it.

A driver of somebody else's is a class with these four methods and an entry point in the group `stackup.volume_drivers`
whose name is what `driver:` says; it is made without arguments. The caller keeps records and locks: a driver is asked
about one volume by one command at a time, and every method may be called again after a kill.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Volume:
    """`folder` is a directory of the volume's own, removed with it: where data lives, or what it is mounted on."""

    name: str
    options: Mapping[str, str]
    labels: Mapping[str, str]
    folder: str


class VolumeDriver(Protocol):
    def check(self, options: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        """(option, what is wrong with it) for each that cannot be; looks at nothing but its argument."""
        ...

    def provide(self, volume: Volume) -> str:
        """The folder that containers mount, made or mounted by now."""
        ...

    def provides(self, volume: Volume) -> bool:
        """Whether the kernel says that the data is where `provide` has put it."""
        ...

    def remove(self, volume: Volume) -> None:
        """Lets go of the volume; what is in `folder` afterwards is deleted. Gone already is success."""
        ...
