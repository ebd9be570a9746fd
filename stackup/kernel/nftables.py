"""nf_tables by hand: tables, sets and map elements as data, encoded into one atomic batch.

A rule is a tuple of expressions, an expression a tuple of its word and arguments (`kernel.nftexpr` has the words):
`(("iif_in", "uplinks"), ("accept",))`. A batch is applied whole or not at all. No policy: which tables exist is decided
in `runtime.network`. nft(8) prints what is made here as if it had made it, since keys carry its type numbers.
"""

from __future__ import annotations

import binascii
import errno
import struct

from stackup.errors import KernelError
from stackup.kernel import nftexpr
from stackup.kernel.netlink import (
    NETLINK_NETFILTER,
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    Channel,
    Request,
    attribute,
    attributes,
    nest,
    text,
)
from stackup.kernel.nftexpr import be32, data
from stackup.kernel.nftkeys import LINK, pack, typed, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from stackup.kernel.nftexpr import Rule, Value
    from stackup.kernel.nftkeys import Key

IP, INET, IP6, BRIDGE = 2, 1, 10, 7
PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)
_SUBSYSTEM = 10 << 8
(_NEWTABLE, _GETTABLE, _DELTABLE, _NEWCHAIN, _GETCHAIN, _DELCHAIN, _NEWRULE, _GETRULE, _DELRULE) = range(9)
_NEWSET, _GETSET, _DELSET, _NEWSETELEM, _GETSETELEM, _DELSETELEM = range(9, 15)
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_SET_MAP = 0x8
_COMMENT = 0

_HOST_ORDER = b"\0\4" + struct.pack("=I", 1)
"""User data that only nft(8) reads: it shows a link's name as text when the key is said to be in host byte order."""
_GROUP = 500


class Set:
    """A named set, or a map when `value` fields are given; keys are concatenations of fields."""

    __slots__ = ("key", "name", "value")

    def __init__(self, name: str, key: Key, value: Key = ()) -> None:
        self.name = name
        self.key = key
        self.value = value


class Chain:
    """A base chain: `kind` is filter or nat."""

    __slots__ = ("hook", "kind", "name", "priority", "rules")

    def __init__(self, name: str, kind: str, hook: int, priority: int, rules: tuple[Rule, ...]) -> None:
        self.name = name
        self.kind = kind
        self.hook = hook
        self.priority = priority
        self.rules = rules


class Table:
    """A whole table. Applying it replaces the rules and keeps the elements of sets that are there."""

    __slots__ = ("chains", "family", "name", "sets")

    def __init__(self, family: int, name: str, sets: tuple[Set, ...], chains: tuple[Chain, ...]) -> None:
        self.family = family
        self.name = name
        self.sets = sets
        self.chains = chains

    def named(self, name: str) -> Set:
        return next(item for item in self.sets if item.name == name)

    @property
    def mark(self) -> str:
        """The comment of its first rule: which rules these are."""
        told = repr([(chain.name, chain.priority, chain.rules) for chain in self.chains])
        return f"{self.name} {binascii.crc32(told.encode()):08x}"


def _family(family: int) -> bytes:
    return struct.pack("=BBH", family, 0, 0)


def _request(kind: int, flags: int, family: int, body: bytes, *words: str) -> Request:
    """`words`: what it does, to what, and the modules that it needs."""
    return Request(_SUBSYSTEM | kind, flags, _family(family) + body, *words)


def new_table(family: int, name: str) -> Request:
    needs = "nf_tables"
    return _request(_NEWTABLE, NLM_F_CREATE, family, text(1, name), "add nftables table", name, needs)


def delete_table(family: int, name: str) -> Request:
    return _request(_DELTABLE, 0, family, text(1, name), "delete nftables table", name)


def new_set(family: int, table: str, item: Set, number: int) -> Request:
    key_type, key_length = typed(item.key)
    body = text(1, table) + text(2, item.name) + be32(3, _SET_MAP if item.value else 0)
    body += be32(4, key_type) + be32(5, key_length)
    if item.value:
        data_type, data_length = typed(item.value)
        body += be32(6, data_type) + be32(7, data_length)
    body += be32(10, number)
    if item.key == (LINK,):
        body += attribute(13, _HOST_ORDER)
    return _request(_NEWSET, NLM_F_CREATE, family, body, "add nftables set", item.name)


def new_chain(family: int, table: str, chain: Chain) -> Request:
    hook = nest(4, be32(1, chain.hook), attribute(2, struct.pack(">i", chain.priority)))
    body = text(1, table) + text(3, chain.name) + hook + be32(5, nftexpr.ACCEPT) + text(7, chain.kind)
    needs = "nft_chain_nat" if chain.kind == "nat" else "nf_tables"
    return _request(_NEWCHAIN, NLM_F_CREATE, family, body, "add nftables chain", chain.name, needs)


def flush_rules(family: int, table: str, chain: str = "") -> Request:
    body = text(1, table) + (text(2, chain) if chain else b"")
    return _request(_DELRULE, 0, family, body, "flush nftables rules of", chain or table)


def new_rule(family: int, table: str, chain: str, rule: Rule, *, comment: str = "", first: bool = False) -> Request:
    """Appends a rule, or puts it in front of the chain's."""
    body = text(1, table) + text(2, chain) + nest(4, nftexpr.encode(rule))
    if comment:
        said = comment.encode() + b"\0"
        body += attribute(7, bytes((_COMMENT, len(said))) + said)
    flags = NLM_F_CREATE | (0 if first else NLM_F_APPEND)
    return _request(_NEWRULE, flags, family, body, "add nftables rule to", chain, nftexpr.modules(rule))


def delete_rule(family: int, table: str, chain: str, handle: int) -> Request:
    body = text(1, table) + text(2, chain) + attribute(3, struct.pack(">Q", handle))
    return _request(_DELRULE, 0, family, body, "delete nftables rule of", chain)


Element = tuple["tuple[Value, ...]", "tuple[Value, ...]"]
"""Key and value of a map; the value of a set's element is empty."""


_DOING = {
    _NEWSETELEM: "add elements to nftables set",
    _GETSETELEM: "look into nftables set",
    _DELSETELEM: "delete elements of nftables set",
}


def _elements(kind: int, table: Table, item: Set, elements: Sequence[Element]) -> list[Request]:
    """As many requests as it takes: an attribute, and a list is one, measures 64 kB at most."""
    groups = [elements[start : start + _GROUP] for start in range(0, len(elements), _GROUP)]
    return [_element_group(kind, table, item, group) for group in groups]


def _element_group(kind: int, table: Table, item: Set, elements: Sequence[Element]) -> Request:
    packed = []
    for key, value in elements:
        mapped = data(2, pack(item.value, value)) if value else b""
        packed.append(nest(1, data(1, pack(item.key, key)), mapped))
    body = text(1, table.name) + text(2, item.name) + nest(3, *packed)
    flags = NLM_F_CREATE if kind == _NEWSETELEM else 0
    return _request(kind, flags, table.family, body, _DOING[kind], item.name)


def add_elements(table: Table, name: str, elements: Sequence[Element]) -> list[Request]:
    """EEXIST when a map has the key with another value; the same value again changes nothing."""
    return _elements(_NEWSETELEM, table, table.named(name), elements)


def delete_elements(table: Table, name: str, keys: Sequence[tuple[Value, ...]]) -> list[Request]:
    """ENOENT, and nothing deleted, when one of them is absent."""
    return _elements(_DELSETELEM, table, table.named(name), [(key, ()) for key in keys])


def whole(table: Table) -> list[Request]:
    """The requests that bring a table to what is described, from nothing or from an older self."""
    requests = [new_table(table.family, table.name)]
    requests += [new_set(table.family, table.name, item, number) for number, item in enumerate(table.sets, 1)]
    requests += [new_chain(table.family, table.name, chain) for chain in table.chains]
    requests.append(flush_rules(table.family, table.name))
    marks = iter((table.mark,))
    for chain in table.chains:
        for rule in chain.rules:
            requests.append(new_rule(table.family, table.name, chain.name, rule, comment=next(marks, "")))
    return requests


def stands(channel: Channel, table: Table) -> bool:
    """Whether the kernel has these rules, all of them: a transaction that replaces rules waits 10 ms for readers."""
    body = text(1, table.name)
    answers = channel.dump(_request(_GETRULE, 0, table.family, body, "list nftables rules of", table.name))
    listed = [
        values for values in (dict(attributes(answer, 4)) for answer in answers) if _string(values[1]) == table.name
    ]
    comments = {_comment(values) for values in listed}
    return table.mark in comments and len(listed) == sum(len(chain.rules) for chain in table.chains)


def apply(channel: Channel, requests: Sequence[Request]) -> None:
    """One transaction; raises the first failure, and then nothing of it happened."""
    if not requests:
        return
    answers, refused = _transact(channel, requests)
    for request, (number, words) in zip(requests, answers, strict=True):
        if number:
            raise request.failure(number, words)
    if refused[0]:
        raise requests[0].failure(*refused)


def _transact(channel: Channel, requests: Sequence[Request]) -> tuple[list[tuple[int, str]], tuple[int, str]]:
    """What the kernel says of each (errno or 0, its words), and of the transaction itself."""
    begin, opening = channel.pack(Request(_BATCH_BEGIN, 0, struct.pack(">BBH", 0, 0, 10), "begin", ""), 0)
    packed = [channel.pack(request, NLM_F_ACK) for request in requests]
    _, closing = channel.pack(Request(_BATCH_END, 0, struct.pack(">BBH", 0, 0, 10), "end", ""), 0)
    found = channel.answers(opening + b"".join(message for _, message in packed) + closing)
    whole = found.get(begin, (0, "") if found else (errno.ENOBUFS, ""))
    return [found.get(sequence, (0, "")) for sequence, _ in packed], whole


def lacking(channel: Channel, tables: Sequence[Table]) -> frozenset[str]:
    """Modules that the kernel has not and these tables need. Asked by a transaction that is bound to fail, so that
    nothing changes: its last request deletes a table that nobody has.
    """
    requests = [request for table in tables for request in whole(table)]
    answers, _ = _transact(channel, [*requests, delete_table(INET, "stackup-asks-only")])
    told = [(request, number) for request, (number, _) in zip(requests, answers, strict=False)]
    there = {word for request, number in told if not number for word in request.needs.split()}
    return frozenset(word for request, number in told for word in request.failure(number).lacks.split()) - there


def open_channel(ns_fd: int = -1) -> Channel:
    return Channel(NETLINK_NETFILTER, ns_fd)


def elements(channel: Channel, table: Table, name: str) -> dict[tuple[Value, ...], tuple[Value, ...]]:
    """What the kernel has in a set or map; empty when the table or the set is absent."""
    item = table.named(name)
    body = text(1, table.name) + text(2, name)
    found: dict[tuple[Value, ...], tuple[Value, ...]] = {}
    try:
        answers = channel.dump(_request(_GETSETELEM, 0, table.family, body, "list nftables set", name))
    except KernelError as error:
        if error.errno == errno.ENOENT:
            return found
        raise
    for answer in answers:
        for kind, listed in attributes(answer, 4):
            if kind == 3:
                for _, element in attributes(listed):
                    parts = dict(attributes(element))
                    value = unpack(item.value, _raw(parts[2])) if 2 in parts else ()
                    found[unpack(item.key, _raw(parts[1]))] = value
    return found


def has_element(channel: Channel, table: Table, name: str, key: tuple[Value, ...]) -> bool:
    """The same question about one of them, however many there are."""
    return channel.perform(_elements(_GETSETELEM, table, table.named(name), [(key, ())])) == [None]


def _raw(wrapped: bytes) -> bytes:
    return next(value for kind, value in attributes(wrapped) if kind == 1)


def available() -> bool:
    """Whether this kernel has nf_tables and lets us use it."""
    try:
        with open_channel() as channel:
            tables(channel)
    except (KernelError, OSError):
        return False
    return True


def tables(channel: Channel) -> list[tuple[int, str]]:
    """(family, name) of every table."""
    answers = channel.dump(_request(_GETTABLE, 0, 0, b"", "list nftables tables", ""))
    return [(answer[0], _string(dict(attributes(answer, 4))[1])) for answer in answers]


def forward_chains(channel: Channel) -> list[tuple[int, str, str, bool]]:
    """Base chains that filter what is forwarded: (family, table, chain, whether the policy is drop)."""
    found = []
    for answer in channel.dump(_request(_GETCHAIN, 0, 0, b"", "list nftables chains", "")):
        values = dict(attributes(answer, 4))
        hook = dict(attributes(values.get(4, b"")))
        if hook and struct.unpack(">I", hook[1])[0] == FORWARD and _string(values.get(7, b"")) == "filter":
            refuses = struct.unpack(">I", values.get(5, b"\0\0\0\1"))[0] == nftexpr.DROP
            found.append((answer[0], _string(values[1]), _string(values[3]), refuses))
    return found


def has_chain(channel: Channel, family: int, table: str, chain: str) -> bool:
    for answer in channel.dump(_request(_GETCHAIN, 0, family, b"", "list nftables chains", "")):
        values = dict(attributes(answer, 4))
        if (_string(values[1]), _string(values[3])) == (table, chain):
            return True
    return False


def rules(channel: Channel, family: int, table: str, chain: str) -> list[tuple[int, str, bool]]:
    """A chain's rules in order: (handle, comment, whether it always or sometimes drops or rejects)."""
    found = []
    body = text(1, table) + text(2, chain)
    for answer in channel.dump(_request(_GETRULE, 0, family, body, "list nftables rules of", chain)):
        values = dict(attributes(answer, 4))
        if (_string(values[1]), _string(values[2])) != (table, chain):
            continue
        words = [dict(attributes(part)) for _, part in attributes(values.get(4, b""))]
        found.append((int.from_bytes(values[3], "big"), _comment(values), any(_refuses(word) for word in words)))
    return found


def _comment(values: dict[int, bytes]) -> str:
    said = values.get(7, b"")
    return _string(said[2 : 2 + said[1]]) if len(said) > 2 and said[0] == _COMMENT else ""


def _refuses(word: dict[int, bytes]) -> bool:
    name = _string(word[1])
    if name == "reject":
        return True
    verdict = dict(attributes(word.get(2, b""))).get(2, b"") if name == "immediate" else b""
    codes = [dict(attributes(value)).get(1) for kind, value in attributes(verdict) if kind == 2]
    return struct.pack(">I", nftexpr.DROP) in codes


def _string(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode()
