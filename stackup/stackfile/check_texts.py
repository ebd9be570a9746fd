"""Texts with a grammar of their own: addresses, ports, owners, options of a tmpfs. One table from path pattern to rule.

A rule raises ValueError with what was expected. Empty texts, which an unset variable leaves, ask for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from stackup import buildcache
from stackup.stackfile.document import Path
from stackup.stackfile.model.part import Part
from stackup.stackfile.patterns import Table, table
from stackup.stackfile.view import View
from stackup.values import parse_size

Rule: TypeAlias = Callable[[str], None]

_PORTS = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?")
_MODE = re.compile(r"[0-7]{1,5}")
_TIME = re.compile(r"([0-9]+(ns|us|ms|s|m|h|d|w))+")
_EXPOSED = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?")


def texts_can_be_read(view: View) -> None:
    for path, rule, text in _found(view.stack, TABLE, ()):
        try:
            rule(text)
        except ValueError as problem:
            place = ".".join(map(str, path))
            view.error("SU021", "a value is not valid", path, f"{place}: {problem}", label=str(problem))


def _found(value: object, place: Table[Rule], path: Path) -> Iterator[tuple[Path, Rule, str]]:
    match value:
        case str() if place.rule is not None and value:
            yield path, place.rule, value
        case Part():
            for key, below in place.below.items():
                yield from _found(getattr(value, key), below, (*path, key))
        case dict() if every := place.down("*"):
            for key, item in value.items():
                yield from _found(item, every, (*path, key))
        case tuple() if every := place.down("*"):
            for index, item in enumerate(value):
                yield from _found(item, every, (*path, index))


def like(pattern: re.Pattern[str], expected: str) -> Rule:
    def rule(text: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError(f'expected {expected}, found "{text}"')

    return rule


def address(text: str) -> None:
    import ipaddress  # 8 ms, and few files have addresses

    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f'expected an IP address, found "{text}"') from None


def subnet(text: str) -> None:
    import ipaddress  # 8 ms, and few files have addresses

    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'expected a range such as 10.5.0.0/24, found "{text}"') from None


def host(text: str) -> None:
    if text != "host-gateway":
        address(text)


def tmpfs(text: str) -> None:
    """`PATH[:size=64m,mode=1777,...]`; words that mean nothing are warned of elsewhere."""
    for option in text.partition(":")[2].split(","):
        name, mark, value = option.partition("=")
        if name == "size" and mark:
            parse_size(value)
        elif name == "mode" and mark and not _MODE.fullmatch(value):
            raise ValueError(f'expected an octal mode such as 1777, found "{value}"')


def cache_from(text: str) -> None:
    buildcache.parse(text, writing=False)


def cache_to(text: str) -> None:
    buildcache.parse(text, writing=True)


_OWNER = like(re.compile(r"[0-9]{1,10}"), "the number of a user or group")

TABLE: Table[Rule] = table(
    {
        "services.*.ports.*.published": like(_PORTS, "a port, or a range such as 8000-8010"),
        "services.*.ports.*.protocol": like(re.compile("tcp|udp|sctp"), "tcp or udp"),
        "services.*.ports.*.host_ip": address,
        "services.*.expose.*": like(_EXPOSED, "a port such as 80 or 53/udp"),
        "services.*.dns.*": address,
        "services.*.pull_refresh_after": like(_TIME, "a duration such as 12h"),
        "services.*.extra_hosts.*.*": host,
        "services.*.tmpfs.*": tmpfs,
        "services.*.build.cache_from.*": cache_from,
        "services.*.build.cache_to.*": cache_to,
        "services.*.env_file.*.format": like(re.compile("raw"), "raw"),
        "services.*.secrets.*.uid": _OWNER,
        "services.*.secrets.*.gid": _OWNER,
        "services.*.configs.*.uid": _OWNER,
        "services.*.configs.*.gid": _OWNER,
        "networks.*.ipam.config.*.subnet": subnet,
        "networks.*.ipam.config.*.ip_range": subnet,
        "networks.*.ipam.config.*.gateway": address,
        "networks.*.ipam.config.*.aux_addresses.*": address,
    }
)
"""Path pattern to rule."""
