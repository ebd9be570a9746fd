"""The expressions of nf_tables that stackup's rules are made of, one encoder a word.

`EXPRESSIONS` is the whole language: a rule is a tuple of expressions, an expression a tuple of a word and its
arguments. Numbers are those of linux/netfilter/nf_tables.h; attributes of nf_tables are big-endian, while values that
conntrack and the routing table put into a register are in host order.
"""

from __future__ import annotations

import socket
import struct

from stackup.kernel.netlink import attribute, nest, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Value: TypeAlias = "str | int | bool"
    Expression: TypeAlias = "tuple[Value, ...]"
    Rule: TypeAlias = "tuple[Expression, ...]"

IP, IP6 = 2, 10
PROTOCOLS = {
    "tcp": socket.IPPROTO_TCP,
    "udp": socket.IPPROTO_UDP,
    "sctp": socket.IPPROTO_SCTP,
    "icmpv6": socket.IPPROTO_ICMPV6,
}
_REGISTER, _VERDICT_REGISTER = 8, 0
"""NFT_REG32_00: concatenations lie in 32-bit registers from here on."""
DROP, ACCEPT = 0, 1


def be32(kind: int, amount: int) -> bytes:
    return attribute(kind, struct.pack(">I", amount))


def data(kind: int, raw: bytes) -> bytes:
    return nest(kind, attribute(1, raw))


def _expression(name: str, *inner: bytes) -> bytes:
    return nest(1, text(1, name), nest(2, *inner))


def _meta(key: int, register: int) -> bytes:
    return _expression("meta", be32(1, register), be32(2, key))


def _payload(base: int, offset: int, length: int, register: int) -> bytes:
    places = (register, base, offset, length)
    return _expression("payload", *(be32(kind, place) for kind, place in enumerate(places, 1)))


def _compare(raw: bytes, *, equal: bool = True) -> bytes:
    return _expression("cmp", be32(1, _REGISTER), be32(2, 0 if equal else 1), data(3, raw))


def _lookup(name: str, *, inverted: bool = False, into: int = 0) -> bytes:
    parts = [text(1, name), be32(2, _REGISTER)]
    if into:
        parts.append(be32(3, into))
    if inverted:
        parts.append(be32(5, 1))
    return _expression("lookup", *parts)


def _link_in(key: int) -> Callable[..., bytes]:
    return lambda name, inside=True: _meta(key, _REGISTER) + _lookup(str(name), inverted=not inside)


def _link_is(key: int) -> Callable[..., bytes]:
    """A whole name, or a prefix when it ends in `*`, as nft writes it."""

    def compare(name: str) -> bytes:
        raw = name[:-1].encode() if name.endswith("*") else name.encode().ljust(16, b"\0")
        return _meta(key, _REGISTER) + _compare(raw)

    return compare


def _within(offset: int, offset6: int) -> Callable[..., bytes]:
    """An address of the network header inside a subnet, whose text says of which family."""

    def compare(subnet: str, inside: bool = True) -> bytes:
        network, _, length = subnet.partition("/")
        family, place = (socket.AF_INET6, offset6) if ":" in network else (socket.AF_INET, offset)
        raw = socket.inet_pton(family, network)
        size, bits = len(raw), len(raw) * 8
        mask = ((1 << bits) - (1 << (bits - int(length or bits)))).to_bytes(size, "big")
        masked = _expression(
            "bitwise", be32(1, _REGISTER), be32(2, _REGISTER), be32(3, size), data(4, mask), data(5, bytes(size))
        )
        return _payload(1, place, size, _REGISTER) + masked + _compare(raw, equal=inside)

    return compare


def _bits(key: int, bits: int) -> bytes:
    """conntrack's `key` (0 state, 2 status) has one of `bits`; host byte order."""
    load = _expression("ct", be32(1, _REGISTER), be32(2, key))
    mask = data(4, struct.pack("=I", bits))
    masked = _expression("bitwise", be32(1, _REGISTER), be32(2, _REGISTER), be32(3, 4), mask, data(5, bytes(4)))
    return load + masked + _compare(bytes(4), equal=False)


def _local_destination() -> bytes:
    fib = _expression("fib", be32(1, _REGISTER), be32(2, 3), be32(3, 2))  # address type of daddr
    return fib + _compare(struct.pack("=I", 2))  # RTN_LOCAL


def _destination_nat(family: int, offset: int, size: int) -> Callable[..., bytes]:
    """`dnat to [daddr .] meta l4proto . th dport [. number] map @name`."""

    def translate(name: str, with_address: bool = False, slots: int = 0) -> bytes:
        register, words = _REGISTER, size // 4
        load = b""
        if with_address:
            load = _payload(1, offset, size, register)
            register += words
        load += _meta(16, register) + _payload(2, 2, 2, register + 1)
        if slots:  # `numgen inc mod slots`: the next connection has the next number
            load += _expression("numgen", be32(1, register + 2), be32(2, slots), be32(3, 0))
        return load + _lookup(name, into=_REGISTER) + _nat(family, _REGISTER, _REGISTER + words)

    return translate


def _nat(family: int, address: int, port: int = 0) -> bytes:
    ports = be32(5, port) if port else b""
    return _expression("nat", be32(1, 1), be32(2, family), be32(3, address), ports)


def _destination_nat_to(address: str, port: int = 0) -> bytes:
    family, number = (IP6, socket.AF_INET6) if ":" in address else (IP, socket.AF_INET)
    raw = socket.inet_pton(number, address)
    register = _REGISTER + len(raw) // 4
    load = _expression("immediate", be32(1, _REGISTER), data(2, raw))
    if port:
        load += _expression("immediate", be32(1, register), data(2, struct.pack(">H", port)))
    return load + _nat(family, _REGISTER, register if port else 0)


def _verdict(code: int) -> bytes:
    verdict = nest(2, nest(2, be32(1, code)))
    return _expression("immediate", be32(1, _VERDICT_REGISTER), verdict)


def _said_in(mac: tuple[int, int], address: tuple[int, int, int]) -> Callable[..., bytes]:
    """Bridge family: port, MAC (base, offset) and address (base, offset, length) of a frame are one element."""

    def found(name: str, inside: bool = True) -> bytes:
        load = _meta(6, _REGISTER) + _payload(*mac, 6, _REGISTER + 4) + _payload(*address, _REGISTER + 6)
        return load + _lookup(name, inverted=not inside)

    return found


def _ether_type(kind: int) -> bytes:
    return _meta(1, _REGISTER) + _compare(struct.pack(">H", kind))


EXPRESSIONS: dict[str, Callable[..., bytes]] = {
    "iif_in": _link_in(6),
    "oif_in": _link_in(7),
    "iif": _link_is(6),
    "oif": _link_is(7),
    "source": _within(12, 8),
    "destination": _within(16, 24),
    "destination_local": _local_destination,
    "protocol": lambda name, equal=True: _meta(16, _REGISTER) + _compare(bytes((PROTOCOLS[name],)), equal=equal),
    "icmp_type": lambda kind: _payload(2, 0, 1, _REGISTER) + _compare(bytes((kind,))),
    "port": lambda port: _payload(2, 2, 2, _REGISTER) + _compare(struct.pack(">H", port)),
    "known": lambda: _bits(0, 2 | 4),  # established, related
    "translated": lambda: _bits(2, 1 << 5),  # IPS_DST_NAT: it came through one of the maps
    "dnat_map": _destination_nat(IP, 16, 4),
    "dnat_map6": _destination_nat(IP6, 24, 16),
    "dnat": _destination_nat_to,
    "masquerade": lambda: _expression("masq"),
    "ether_type": _ether_type,
    "sender_in": _said_in((0, 6), (1, 12, 4)),
    "sender6_in": _said_in((0, 6), (1, 8, 16)),
    "arp_sender_in": _said_in((1, 8), (1, 14, 4)),  # what the packet claims, sender MAC and address
    "neighbour_in": _said_in((0, 6), (2, 8, 16)),  # whose address an advertisement says is here
    "accept": lambda: _verdict(ACCEPT),
    "drop": lambda: _verdict(DROP),
}


MODULES = {
    "destination_local": "nft_fib_inet",
    "known": "nft_ct",
    "translated": "nft_ct",
    "dnat_map": "nft_nat",
    "dnat_map6": "nft_nat",
    "dnat": "nft_nat",
    "masquerade": "nft_masq",
}
"""Words that are not part of nf_tables itself."""
NUMGEN = "nft_numgen"


def modules(rule: Rule) -> str:
    """What the kernel needs for a rule besides nf_tables, as modprobe(8) takes it."""
    found = [MODULES[str(word)] for word, *_ in rule if word in MODULES]
    found += [NUMGEN for word, *arguments in rule if word in ("dnat_map", "dnat_map6") and len(arguments) > 2]
    return " ".join(dict.fromkeys(found))


def encode(rule: Rule) -> bytes:
    """The list of a rule's expressions."""
    return b"".join(EXPRESSIONS[str(word)](*arguments) for word, *arguments in rule)
