"""Small values that are parsed once, at the edge, and never re-parsed: addresses, digests, sizes, durations.

A leaf. `Data` is the shape of every normal form: what JSON can say, nothing else, so that a stack file, a record on
disk and the kernel's answer can be compared field by field.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = "str | int | float | bool | None"
Json: TypeAlias = "Scalar | list[Json] | dict[str, Json]"
Data: TypeAlias = "dict[str, Json]"
FieldPath: TypeAlias = "tuple[str, ...]"
"""A place in a normal form, e.g. `("limits", "memory")`; list items are addressed by their index as text."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Who a resource is inside its stack; the only key used anywhere. `index` counts replicas from 1, else 0.

    Prints as `container/web#2`, `network/default`.
    """

    kind: str
    name: str
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f"#{self.index}" if self.index else "")

    @classmethod
    def parse(cls, text: str) -> Address:
        kind, _, rest = text.partition("/")
        name, mark, index = rest.rpartition("#")
        if not mark:
            return cls(kind, rest)
        return cls(kind, name, int(index))

    @property
    def directory(self) -> str:
        """The folder name of its record: `web-2` for a replica, `default` for anything else."""
        return f"{self.name}-{self.index}" if self.index else self.name


def new_instance() -> str:
    """A fresh instance id: 12 hex digits, unique over time, so that a re-made resource is seen as another one."""
    return os.urandom(6).hex()  # what secrets.token_hex does, without its 6 ms of imports


_DIGEST = re.compile(r"sha(256|384|512):([0-9a-f]{64,128})\Z")
_DIGEST_HEX = {"256": 64, "384": 96, "512": 128}


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A content digest, `sha256:<hex>`; sha384 and sha512 are accepted."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Raises ValueError with the text quoted."""
        found = _DIGEST.match(text)
        if not found or len(found[2]) != _DIGEST_HEX[found[1]]:
            raise ValueError(f'"{text}" is not a digest')
        return cls(f"sha{found[1]}", found[2])


LARGEST = 2**63 - 1
"""Of sizes and durations: what the kernel and Go can hold."""
_DIGITS = 40
"""More are no number that anybody means, and Python's own limit speaks in Python's words."""
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([bkmgtp]?)(?:i?b)?\s*\Z", re.IGNORECASE)
_SIZE_POWER = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str) -> int:
    """Bytes of `64m`, `1.5GB`, `1024`; units count by 1024. Source: compose-spec, "Specifying byte values"."""
    found = _SIZE.match(text)
    if not found:
        raise ValueError(f'"{text}" is not a size such as 512m or 1gb')
    return _bounded(_scaled(found[1], 1024 ** _SIZE_POWER[found[2].lower()]), text)


def _scaled(number: str, scale: int) -> int:
    """`1.5` times a scale in whole numbers: a float loses the last digits of what must read back as it was printed."""
    whole, _, fraction = number.partition(".")
    if len(whole) > _DIGITS:
        return LARGEST + 1
    divisor: int = 10 ** len(fraction[:_DIGITS])
    return int(whole + fraction[:_DIGITS]) * scale // divisor


def _bounded(number: int, text: str) -> int:
    if number > LARGEST:
        raise ValueError(f'"{text[:_DIGITS]}" is too large')
    return number


def format_size(size: int) -> str:
    """The shortest exact spelling with a binary unit: `512M`, `1G`, `1000`."""
    for unit, power in (("T", 4), ("G", 3), ("M", 2), ("K", 1)):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return str(size)


_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h|d|w)")
_DURATION_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}


def parse_duration(text: str) -> int:
    """Nanoseconds of `1m30s`, `500ms`, `0`. Source: compose-spec, "Specifying durations"."""
    rest = text.strip()
    if rest == "0":
        return 0
    total = 0
    while rest:
        found = _DURATION.match(rest)
        if not found:
            raise ValueError(f'"{text}" is not a duration such as 30s or 1m30s')
        total += _scaled(found[1], _DURATION_NS[found[2]])
        rest = rest[found.end() :]
    if not text.strip():
        raise ValueError("a duration is empty")
    return _bounded(total, text)


def _decimal(number: int, scale: int) -> str:
    """`number / scale` to the last digit, without zeros at the end; `scale` is a power of ten."""
    whole, rest = divmod(number, scale)
    return f"{whole}.{rest:0{len(str(scale)) - 1}}".rstrip("0").rstrip(".")


def format_duration(nanoseconds: int) -> str:
    """`90_000_000_000` as `1m30s`: the spelling that Go and docker compose print."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 10**9:
        for unit, scale in (("ms", 10**6), ("us", 10**3)):
            if nanoseconds >= scale:
                return f"{_decimal(nanoseconds, scale)}{unit}"
        return f"{nanoseconds}ns"
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest, 10**9)}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds
