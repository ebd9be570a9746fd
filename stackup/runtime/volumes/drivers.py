"""Which volume drivers there are: `local` is ours, every other name is an entry point of an installed package.

A driver of somebody else's is code that we did not write: whatever it raises becomes an error that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from stackup.errors import HostError, StackupError
from stackup.runtime.volumes.driver import Volume, VolumeDriver
from stackup.runtime.volumes.local import Local

GROUP = "stackup.volume_drivers"
LOCAL = "local"
_REMEDY = "it is not stackup's: ask whoever wrote it, or use `driver: local`"


def find(name: str) -> VolumeDriver | None:
    """None when nobody has a driver of that name."""
    if name == LOCAL:
        return Local()
    from importlib.metadata import entry_points  # 20 ms, for no stack that stays with `local`

    for point in entry_points(group=GROUP, name=name):
        with _named(name):
            return Foreign(name, point.load()())
    return None


class Foreign:
    """Implements VolumeDriver around another one."""

    def __init__(self, name: str, driver: VolumeDriver) -> None:
        self._name = name
        self._driver = driver

    def check(self, options: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        with _named(self._name):
            return [(str(option), str(text)) for option, text in self._driver.check(options)]

    def provide(self, volume: Volume) -> str:
        with _named(self._name):
            data = self._driver.provide(volume)
        if not isinstance(data, str) or not data.startswith("/"):
            text = f'the volume driver "{self._name}" gave no absolute path: {data!r}'
            raise HostError(text, subject=volume.name, hint=_REMEDY)
        return data

    def provides(self, volume: Volume) -> bool:
        with _named(self._name):
            return bool(self._driver.provides(volume))

    def remove(self, volume: Volume) -> None:
        with _named(self._name):
            self._driver.remove(volume)


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except StackupError:
        raise
    except Exception as problem:
        told = f"{type(problem).__name__}: {problem}"
        text = f'the volume driver "{name}" failed: {told}'
        raise HostError(text, subject=name, hint=_REMEDY, code="volume-driver") from problem
