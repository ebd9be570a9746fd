"""A container's limits, imposed: what did not stick is an error that names the key and its line, or is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from stackup.engines.builtin.rows import LIMIT_PLACES
from stackup.engines.desire.limits import key_of
from stackup.errors import HostError
from stackup.runtime.cgroups import limits
from stackup.runtime.cgroups.setting import NoDevice
from stackup.values import format_size

if TYPE_CHECKING:
    from stackup.engines.builtin.records import Record
    from stackup.runtime.cgroups.limits import Missed
    from stackup.runtime.spec import ContainerSpec, Limits


def impose(given: Mapping[str, Any], wanted: Limits, *, fresh: bool = False) -> Iterator[str]:
    """What the container does without, as a text each. Raises HostError for what it must not do without."""
    places = given.get(LIMIT_PLACES, {})
    try:
        found = limits.apply(given["cgroups"], wanted, fresh=fresh)
    except NoDevice as problem:
        where = next((place for key, place in places.items() if f"devices/{problem.subject}/" in key), "")
        problem.message = ", ".join(filter(None, (problem.message, where)))
        raise
    for missed in found:
        path = missed.setting.path
        place = places.get("/".join(path), "")
        if not missed.done_without:
            raise _refused(missed, place)
        if missed.setting.without:
            yield ", ".join(filter(None, (f'"{key_of(path)}" has no effect', place))) + f": {missed.setting.without}"


def lift(claim: Record) -> None:
    """Rates of disks, for whoever is to end: what a kernel writes for it on the way out would be held back by them too.

    Tried: at nine writes a second, taking its mounts apart keeps a killed process in uninterruptible sleep for seconds.
    """
    wanted = cast("ContainerSpec", claim["spec"])["limits"]
    if "io" in wanted:
        rest = cast("Limits", {field: value for field, value in wanted.items() if field != "io"})
        limits.apply(claim["given"].get("cgroups", []), rest)


def _refused(missed: Missed, place: str) -> HostError:
    key, value = key_of(missed.setting.path), _spelled(missed.setting.path, missed.setting.wanted)
    said = ", ".join(filter(None, (f'"{key}: {value}"', place)))
    if missed.got is None:
        hint = "leave it out, or give this machine the controller (see: stackup doctor)"
        return HostError(f"this machine has no control group that could hold {said}", subject=key, hint=hint)
    why = f" ({missed.problem.message})" if missed.problem else ""
    hint = "change the limit, or give the container less to use first"
    text = f"the kernel does not take {said}: {_spelled(missed.setting.path, missed.got)} is there"
    return HostError(text + why, subject=key, hint=hint)


def _spelled(path: tuple[str, ...], value: Any) -> str:
    size = path[-1].startswith("memory") or path[-1].endswith("_bps")
    return format_size(value) if size and value else str(value)
