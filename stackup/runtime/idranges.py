"""Which user ids a container with users of its own gets: 65,536 that nobody else has. Pure: what is taken comes in.

They come from `stackup`'s entry in subuid(5) and subgid(5), else from root's, else from a range that neither useradd(8)
nor systemd gives away. What another entry, a user or a running namespace has is passed over.
"""

from __future__ import annotations

from stackup.errors import HostError
from stackup.runtime.idmaps import SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Span = tuple[int, int]
    """The first one and the one after the last."""

DEFAULT: Span = (0x70000000, 0x7FFE0000)
"""1879048192 to 2147352575, room for 4,094 containers; unused in systemd's table of user ids."""
_OWNERS = ("stackup", "root", "0")
_HIGHEST = 2**32 - 2
"""The last number but one: the last means nobody at all, setresuid(2)."""


class Pool:
    """What may be given away, `where` for messages, and what others have of it."""

    __slots__ = ("others", "spans", "where")

    def __init__(self, spans: Sequence[Span], others: Iterable[Span], where: str) -> None:
        self.spans = spans
        self.others = tuple(others)
        self.where = where


def pool(subuid: str, subgid: str) -> Pool:
    """Both files' texts. Raises HostError where they do not give the same ids."""
    uids, gids = entries(subuid), entries(subgid)
    owner = next((name for name in _OWNERS if any(name == who for who, _ in uids)), "")
    others = [span for who, span in (*uids, *gids) if who != owner]
    if not owner:
        return Pool((DEFAULT,), others, f"{DEFAULT[0]} to {DEFAULT[1] - 1}")
    both = [_common(one, other) for who, one in uids if who == owner for whose, other in gids if whose == owner]
    spans = [span for span in both if span[1] - span[0] >= SIZE]
    if not spans:
        hint = f"give {owner} one range of at least {SIZE} ids in both files"
        text = f'"{owner}" has no {SIZE} ids that /etc/subuid and /etc/subgid agree on'
        raise HostError(text, subject=owner, hint=hint)
    return Pool(spans, others, f'what /etc/subuid gives to "{owner}"')


def entries(text: str) -> list[tuple[str, Span]]:
    """subuid(5): `name:first:count`; other lines say nothing."""
    found = []
    for line in text.splitlines():
        name, _, span = line.strip().partition(":")
        first, _, count = span.partition(":")
        if name and first.isdecimal() and count.isdecimal():
            found.append((name, (int(first), min(int(first) + int(count), _HIGHEST + 1))))
    return found


def users(passwd: str) -> list[Span]:
    """passwd(5): everybody's number."""
    rows = (line.split(":") for line in passwd.splitlines())
    return [(int(row[2]), int(row[2]) + 1) for row in rows if len(row) > 2 and row[2].isdecimal()]


def mapped(uid_map: str) -> list[Span]:
    """What a process's namespace has of ours; the whole of it is no namespace of its own."""
    rows = (line.split() for line in uid_map.splitlines())
    return [(int(outer), int(outer) + int(count)) for _, outer, count in rows if int(count) < 2**32 - 1]


def choose(pool: Pool, taken: Iterable[int], used: Iterable[Span]) -> int:
    """The lowest first id that is free. `taken`: those of our containers; `used`: what else is not to be given away."""
    ours = [(base, base + SIZE) for base in taken]
    blocks = sorted((*ours, *used, *pool.others))
    for first, end in pool.spans:
        base = _first_free(first, blocks)
        if base + SIZE <= end:
            return base
    raise HostError(
        f"no {SIZE} user ids are left in {pool.where}: {len(ours)} containers and others of this machine have them",
        subject=pool.where,
        hint="give `stackup` a larger range in /etc/subuid and /etc/subgid, or remove containers",
        code="ids-exhausted",
    )


def _first_free(base: int, blocks: Sequence[Span]) -> int:
    for low, high in blocks:
        if low < base + SIZE and base < high:
            base = high
    return base


def _common(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])
