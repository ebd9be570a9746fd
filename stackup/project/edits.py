"""Edits of the desired set: what each verb wants, as pure functions over values. Nothing is decided here.

A verb that must not apply what has changed in the file (`stop`, `restart`, `start`) wants the stack *as recorded*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from stackup.reconcile.resource import Desired, Need, Observed, OnReplace, Run, Until
from stackup.values import Address, Data

CONTAINER = "container"


def service_of(address: Address, spec: Data) -> str:
    """A one-off's address is its own; its spec says whose it is."""
    return str(spec.get("service", address.name))


def of_services(desired: Iterable[Desired], services: Iterable[str]) -> list[Address]:
    """The containers of these services."""
    names = set(services)
    return [
        item.address
        for item in desired
        if item.address.kind == CONTAINER and service_of(item.address, item.spec) in names
    ]


def seen_of(observed: Iterable[Observed], services: tuple[str, ...]) -> list[Observed]:
    """The containers that are there, one-offs not; no names: all services'."""
    return [
        seen
        for seen in observed
        if seen.address.kind == CONTAINER
        and not seen.transient
        and (not services or service_of(seen.address, seen.recorded) in services)
    ]


def with_needs(desired: tuple[Desired, ...], services: tuple[str, ...]) -> tuple[Desired, ...]:
    """Only these services and everything that they need, directly or not."""
    from stackup.reconcile.graph import selection  # networkx, only when services are named

    chosen = selection(desired, of_services(desired, services))
    return tuple(item for item in desired if item.address in chosen)


def without_needs(desired: tuple[Desired, ...], services: tuple[str, ...]) -> tuple[Desired, ...]:
    """Only these services; other services stay as they are, networks and volumes come along."""
    chosen = set(of_services(desired, services))
    found = {item.address: item for item in desired}
    direct = {need.on for address in chosen for need in found[address].needs if need.on.kind != CONTAINER}
    return tuple(
        replace(item, needs=tuple(map(_unhurried, item.needs))) if item.address in chosen else item
        for item in desired
        if item.address in chosen | direct
    )


def at_once(desired: Iterable[Desired]) -> tuple[Desired, ...]:
    """The same, waiting for nothing outside of it: others need only exist."""
    items = tuple(desired)
    inside = {item.address for item in items}
    return tuple(
        replace(item, needs=tuple(need if need.on in inside else _unhurried(need) for need in item.needs))
        for item in items
    )


def _unhurried(need: Need) -> Need:
    return replace(need, until=Until.EXISTS) if need.on.kind == CONTAINER else need


def with_run(desired: Iterable[Desired], run: Run) -> tuple[Desired, ...]:
    """The same with another wanted run state of its containers."""
    return tuple(replace(item, run=run) if item.address.kind == CONTAINER else item for item in desired)


def as_recorded(
    chosen: Iterable[Observed],
    observed: Iterable[Observed],
    run: Run,
    file: Mapping[Address, Desired] | None = None,
) -> tuple[Desired, ...]:
    """Some of what is there, wanted just as it was made. `file` lends the meaning of needs where it has the address."""
    present = {seen.address for seen in observed}
    found = []
    for seen in chosen:
        known = (file or {}).get(seen.address)
        needs = known.needs if known else tuple(_plain_need(seen, on) for on in seen.needs)
        ready = known.ready if known else Until.STARTED
        found.append(
            Desired(seen.address, seen.recorded, tuple(need for need in needs if need.on in present), run, ready)
        )
    return tuple(found)


def _plain_need(seen: Observed, on: Address) -> Need:
    until = Until.STARTED if on.kind == CONTAINER else Until.EXISTS
    return Need(on, until, holds=on in seen.holds)


def followers(desired: Iterable[Desired], addresses: frozenset[Address]) -> frozenset[Address]:
    """The addresses, and whoever asks to be restarted along with one of them."""
    items = list(desired)
    found = set(addresses)
    while True:
        more = {
            item.address
            for item in items
            if item.address not in found
            and any(need.on in found and need.on_replace is OnReplace.RESTART for need in item.needs)
        }
        if not more:
            return frozenset(found)
        found |= more
