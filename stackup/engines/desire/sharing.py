"""`volumes_from`: the volumes and folders of another service, or of a container of any stack, at the same places.

The service's own mounts win. What a tmpfs holds is its container's alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stackup.engines.desire.mounts import Mounts, anonymous_name
from stackup.reconcile.resource import Desired
from stackup.values import Address, Data

if TYPE_CHECKING:
    from stackup.engines.desire.facts import Context
    from stackup.runtime.spec import Mount
    from stackup.stackfile.model import Service, Stack

SHARED = ("bind", "volume", "image")
CONTAINER = "container:"


class Sharing:
    """`own` has every service's own mounts; what others lend is added to them, once for each service.

    `external` are volumes of other stacks that came along, by their address here.
    """

    def __init__(self, stack: Stack, context: Context, own: Mapping[str, Mounts]) -> None:
        self.external: dict[Address, Desired] = {}
        self._stack = stack
        self._context = context
        self._own = own
        self._done: set[str] = set()

    def of(self, name: str) -> Mounts:
        """Lenders borrow too, and come first; the file's checks have found circles."""
        found = self._own[name]
        if name not in self._done:
            self._done.add(name)
            for number, text in enumerate(self._stack.services[name].volumes_from):
                self._take(found, text, ("services", name, "volumes_from", number))
        return found

    def _take(self, found: Mounts, text: str, path: tuple[str | int, ...]) -> None:
        lender, read_only = _read(text)
        lent = self._of_container(lender, path) if lender.startswith(CONTAINER) else self._of_service(lender, path)
        for target, mount in lent.items():
            if target not in found.mounts:
                found.mounts[target] = {**mount, "read_only": mount["read_only"] or read_only}
                found.where[("mounts", target)] = path[2:]

    def _of_service(self, name: str, path: tuple[str | int, ...]) -> dict[str, Mount]:
        """Of its first replica, where it has some of its own."""
        if name not in self._own:
            return {}
        if not _runs(name, self._stack.services[name], self._context):
            self._missing(f'service "{name}" has no container to take volumes from', path, "run one replica of it")
            return {}
        lent = self.of(name)
        return {
            target: {**mount, "source": anonymous_name(name, 1, target)} if target in lent.anonymous else mount
            for target, mount in lent.mounts.items()
            if mount["type"] in SHARED
        }

    def _of_container(self, lender: str, path: tuple[str | int, ...]) -> dict[str, Mount]:
        name = lender.removeprefix(CONTAINER)
        lent: dict[str, Mount] | None = self._context.facts.mounts_of(name)
        if lent is None:
            self._missing(f'there is no container "{name}"', path, "see `stackup ls -a`, or start its stack first")
            return {}
        shared = {target: mount for target, mount in lent.items() if mount["type"] in SHARED}
        return {
            target: {**mount, "source": self._adopt(mount["source"])} if mount["type"] == "volume" else mount
            for target, mount in shared.items()
        }

    def _adopt(self, real: str) -> str:
        """A volume by its name on the host becomes one of this stack that is external, under a key that is free."""
        address = Address("volume", f"{real}.lent" if real in self._stack.volumes else real)
        spec: Data = {"name": real, "external": True, "driver": "local", "driver_opts": {}, "labels": {}}
        self.external[address] = Desired(address, spec)
        return address.name

    def _missing(self, detail: str, path: tuple[str | int, ...], hint: str) -> None:
        self._context.problems.error(
            "SU130", "what is to be mounted is not there", detail=detail, span=self._context.span(*path), hint=hint
        )


def _read(text: str) -> tuple[str, bool]:
    """`db`, `db:ro`, `container:name:rw`: the lender, and whether it is lent to be read only."""
    prefix = CONTAINER if text.startswith(CONTAINER) else ""
    name, _, mode = text.removeprefix(prefix).partition(":")
    return prefix + name, mode == "ro"


def _runs(name: str, service: Service, context: Context) -> bool:
    return context.wish.scale.get(name, service.replicas) > 0
