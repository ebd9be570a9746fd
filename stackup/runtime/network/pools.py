"""Which subnet a network gets and which address a container gets. Pure: what is taken comes in, a choice goes out.

Choices are deterministic and stable: a container keeps the address that it had before unless the file now names
another, and a new one gets the lowest that is free. Exhaustion and overlap are errors that say what to change.
"""

from __future__ import annotations

import socket

from stackup.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Block = tuple[int, int]
    """First and last address of a range."""

NETWORK_POOLS = ("10.192.0.0/12", "172.16.0.0/12", "192.168.0.0/16")
"""1,024 networks of 1,021 containers, far from the ranges that home routers, Docker and most offices use; the other
private ranges have as many again, since a VPN may have routed all of 10.0.0.0/8 to somewhere.
"""
UPLINK_POOLS = ("10.208.0.0/18", "172.31.192.0/18", "192.168.192.0/18")
"""8,192 point-to-point pairs for the links between networks and the host, and again."""
PREFIX = 22
"""As many addresses as a bridge has ports, give or take two."""


def number(address: str) -> int:
    """Of either family: an IPv6 address of a network never is so small that it could be taken for an IPv4 one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return int.from_bytes(socket.inet_pton(family, address), "big")


def address_text(value: int) -> str:
    if value >> 32:
        return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))
    return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))


def width(text: str) -> int:
    """Bits of an address of this one's family."""
    return 128 if ":" in text else 32


def bounds(subnet: str) -> tuple[int, int]:
    """First and last address as numbers; ValueError with the text quoted when it is no subnet."""
    text, slash, length = subnet.partition("/")
    bits = width(text)
    try:
        prefix = int(length) if slash else bits
        first = number(text)
    except (OSError, ValueError):
        example = "fd00:5::/64" if bits == 128 else "10.5.0.0/24"
        raise ValueError(f'"{subnet}" is not a subnet such as {example}') from None
    if bits == 128 and not first >> 96:
        raise ValueError(f'"{subnet}" is reserved and no place for a network')
    if not 0 <= prefix <= bits or first & ((1 << (bits - prefix)) - 1):
        raise ValueError(f'"{subnet}" has bits set beyond its prefix')
    return first, first + (1 << (bits - prefix)) - 1


def prefix_of(subnet: str) -> int:
    return int(subnet.partition("/")[2] or width(subnet))


def contains(subnet: str, address: str) -> bool:
    first, last = bounds(subnet)
    return first <= number(address) <= last


def blocks(taken: Iterable[str]) -> list[Block]:
    """Subnets as numbers; the default route and the like take nothing."""
    return [bounds(subnet) for subnet in taken if subnet not in {"default", "0.0.0.0/0", "::/0"}]


def first_free(pool: str, prefix: int, taken: Iterable[Block]) -> str | None:
    """The lowest subnet of that size in the pool that overlaps nothing taken, which is in order."""
    low, high = bounds(pool)
    size = 1 << (32 - prefix)
    for first, last in taken:
        if last < low:
            continue
        if first >= low + size:
            break
        low = (last // size + 1) * size
    return f"{address_text(low)}/{prefix}" if low + size - 1 <= high else None


def choose_subnet(taken: Iterable[Block], *, pools: Sequence[str] = NETWORK_POOLS, prefix: int = PREFIX) -> str:
    used = sorted(taken)
    found = next(filter(None, (first_free(pool, prefix, used) for pool in pools)), None)
    if found is None:
        raise exhausted(pools, prefix)
    return found


def exhausted(pools: Sequence[str], prefix: int) -> HostError:
    """Networks and what the host routes have taken all of it."""
    return HostError(
        f"no /{prefix} is left in {', '.join(pools)}: networks and routes of this host take all of it",
        subject=pools[0],
        hint="give the network an `ipam.config.subnet` of its own, or remove networks: stackup network prune",
        code="subnets-exhausted",
    )


def choose_uplink(taken: Iterable[Block]) -> tuple[str, str]:
    """The host's end and the network's end of a point-to-point pair."""
    pair = choose_subnet(taken, pools=UPLINK_POOLS, prefix=31)
    first, last = bounds(pair)
    return address_text(first), address_text(last)


def meets(one: Block, other: Block) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def check_subnet(subnet: str, taken: Iterable[Block], owner: Callable[[Block], str]) -> None:
    """A subnet that the file names must not overlap what networks have taken; `owner` names it and whose it is."""
    wanted = bounds(subnet)
    other = next((block for block in taken if meets(wanted, block)), None)
    if other:
        raise HostError(
            f'the subnet "{subnet}" overlaps {owner(other)}',
            subject=subnet,
            hint="choose another `ipam.config.subnet`, or leave it out and a free one is chosen",
            code="subnet-overlap",
        )


def check_routes(subnet: str, routes: Iterable[tuple[str, str, bool]]) -> None:
    """A subnet that the file names must not take from the host what it reaches by a link of its own, or by a route of
    at most that size. `routes`: (target, link, whether by a gateway). A wider route to a gateway only loses a part to
    the narrower one, which whoever writes a subnet down may want.
    """
    first, last = bounds(subnet)
    for target, link, far in routes:
        if target == "default" or (":" in target) != (":" in subnet):
            continue
        low, high = bounds(target)
        if (first <= low and high <= last) or (not far and first <= high and low <= last):
            raise HostError(
                f'the subnet "{subnet}" overlaps "{target}", which this host reaches through "{link}"',
                subject=subnet,
                hint="choose another `ipam.config.subnet`, or leave it out and a free one is chosen",
                code="subnet-overlap",
            )


def gateway_of(subnet: str) -> str:
    return address_text(bounds(subnet)[0] + 1)


class Wish:
    """What one container wants: an address by name (the file says so), or the one it had; empty for any."""

    __slots__ = ("had", "static")

    def __init__(self, static: str = "", had: str = "") -> None:
        self.static = static
        self.had = had


def choose_addresses(
    subnet: str, wishes: Mapping[str, Wish], *, taken: Sequence[str] = (), ip_range: str = ""
) -> dict[str, str]:
    """An address for everyone: named ones first, then those kept, then the lowest free ones in order of key.

    `taken` holds the gateway, auxiliary addresses and those of containers that are not in `wishes`.
    """
    first, last = bounds(subnet)
    edge = 1 if last - first > 1 else 0  # the network's own and the broadcast address
    used: dict[int, str] = {number(address): "something else" for address in taken}
    chosen: dict[str, str] = {}
    for key in sorted(wishes):
        if static := wishes[key].static:
            _claim_static(subnet, static, key, used)
            chosen[key] = static
    low, high = bounds(ip_range) if ip_range else (first, last)
    low, high = max(low, first + edge), min(high, last - edge)
    for key in sorted(wishes):
        had = wishes[key].had
        if key not in chosen and had and low <= number(had) <= high and number(had) not in used:
            used[number(had)] = key
            chosen[key] = had
    free = (value for value in range(low, high + 1) if value not in used)
    for key in sorted(wishes):
        if key not in chosen:
            chosen[key] = _next(free, subnet, key)
    return chosen


def _next(free: Iterable[int], subnet: str, key: str) -> str:
    for value in free:
        return address_text(value)
    raise HostError(
        f'no address is left in "{subnet}" for "{key}"',
        subject=subnet,
        hint="give the network a larger `ipam.config.subnet`",
        code="addresses-exhausted",
    )


def _claim_static(subnet: str, address: str, key: str, used: dict[int, str]) -> None:
    if not contains(subnet, address):
        raise HostError(
            f'the address "{address}" of "{key}" is outside "{subnet}"',
            subject=key,
            hint=f"choose an `{_key(subnet)}` inside {subnet}",
            code="address-outside",
        )
    owner = used.setdefault(number(address), key)
    if owner != key:
        raise HostError(
            f'the address "{address}" of "{key}" is taken by {owner}',
            subject=key,
            hint=f"choose another `{_key(subnet)}`",
            code="address-taken",
        )


def _key(subnet: str) -> str:
    return "ipv6_address" if ":" in subnet else "ipv4_address"


def mac_of(address: str) -> str:
    """A locally administered MAC made of the address: a container that is re-made leaves no stale neighbours."""
    head = b"\x02\x76" if ":" in address else b"\x02\x75"
    return (head + (number(address) & 0xFFFFFFFF).to_bytes(4, "big")).hex(":")


def link_local_of(mac: str) -> str:
    """The address that the kernel gives a link by itself, made of its MAC (RFC 4291, appendix A)."""
    raw = bytearray.fromhex(mac.replace(":", ""))
    raw[0] ^= 2
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + raw[:3] + b"\xff\xfe" + raw[3:])
