"""Who is on a network under which names: one file a network, replaced whole, read by every resolver there.

Written when a container is attached, starts, stops or leaves; a reader notices by the file's identity and never meets
half of it. Only members that are up are found. Hot: monitors read it.
"""

from __future__ import annotations

import os
import socket

from stackup.kernel import files
from stackup.runtime.network import dns, pools
from stackup.runtime.network.pools import Wish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NotRequired, TypedDict

    class Member(TypedDict):
        """`names`: its own name first (what a reverse look-up tells), then service, aliases, links."""

        address: str
        address6: NotRequired[str]
        """Either may be empty."""
        names: list[str]
        up: bool

    class RosterFile(TypedDict):
        version: int
        network: str
        members: dict[str, Member]


VERSION = 1


def read(names_file: str) -> dict[str, Member]:
    """Members by the text of their container's address; empty when there is no file yet."""
    found: RosterFile | None = files.read_json(names_file)
    return found["members"] if found else {}


def change(names_file: str, network: str, changes: Mapping[str, Member | None]) -> None:
    """Adds, replaces and (None) removes members in one write; a write that would change nothing is not made."""
    with files.Lock(f"{names_file}.lock", "changing names", waiting=lambda _holder: None):
        before = read(names_file)
        after = {key: member for key, member in {**before, **changes}.items() if member is not None}
        if after != before or not os.path.exists(names_file):
            _write(names_file, network, after)


def claim_addresses(
    names_file: str, network: str, wishes: Mapping[str, Wish], *, subnet: str, taken: Sequence[str], ip_range: str = ""
) -> dict[str, str]:
    """Chooses addresses for new members and enters them, nameless and down, so that no other stack chooses the same.

    `taken` is what the network itself uses (gateway, auxiliary addresses); members already here keep theirs.
    """
    with files.Lock(f"{names_file}.lock", "choosing addresses", waiting=lambda _holder: None):
        members = read(names_file)
        others = [member["address"] for key, member in members.items() if key not in wishes]
        had = {key: wish if wish.had or key not in members else Wish(wish.static, members[key]["address"])
               for key, wish in wishes.items()}  # fmt: skip
        chosen = pools.choose_addresses(subnet, had, taken=[*taken, *others], ip_range=ip_range)
        for key, address in chosen.items():
            before = members.get(key)
            if before is None or before["address"] != address:
                members[key] = {"address": address, "names": before["names"] if before else [], "up": False}
        _write(names_file, network, members)
        return chosen


def _write(names_file: str, network: str, members: dict[str, Member]) -> None:
    content: RosterFile = {"version": VERSION, "network": network, "members": members}
    files.write_json(names_file, content, durable=False)


def set_up(names_file: str, network: str, key: str, up: bool) -> None:
    """A container began or ceased to run: it joins or leaves the rotation."""
    member = read(names_file).get(key)
    if member is not None and member["up"] != up:
        change(names_file, network, {key: {**member, "up": up}})


def remove(names_file: str) -> None:
    files.remove(names_file)
    files.remove(f"{names_file}.lock")


class Roster:
    """The names of one network as a resolver asks for them, in wire form; read again when the file is another."""

    __slots__ = ("_file", "_forward", "_identity", "_reverse")

    def __init__(self, names_file: str) -> None:
        self._file = names_file
        self._identity: tuple[int, int] | None = None
        self._forward: dict[bytes, list[bytes]] = {}
        self._reverse: dict[str, bytes] = {}

    def refresh(self) -> bool:
        """Whether names have changed since the last time."""
        before = self._identity
        try:
            found = os.stat(self._file)
        except OSError:
            self._forward, self._reverse, self._identity = {}, {}, None
            return before is not None
        self._identity = (found.st_ino, found.st_mtime_ns)  # a file system may give a freed inode number out again
        if self._identity != before:
            self._load()
        return self._identity != before

    def _load(self) -> None:
        content: RosterFile | None = files.read_json(self._file)
        self._forward, self._reverse = {}, {}
        if content is None:
            return
        for _, member in sorted(content["members"].items()):
            if member["up"]:
                for address in filter(None, (member["address"], member.get("address6", ""))):
                    self._add(address, member["names"], content["network"])

    def _add(self, address: str, names: Sequence[str], network: str) -> None:
        record = dns.address_record(socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address))
        for name in dict.fromkeys(names):
            for spelled in (name, f"{name}.{network}"):
                form = dns.wire(spelled)
                if form and record not in (known := self._forward.setdefault(form, [])):
                    known.append(record)
        self._reverse[address] = dns.wire(f"{names[0]}.{network}") if names else b""

    def find(self, name: bytes) -> list[bytes]:
        """The A and AAAA records of a name; treat as read-only."""
        return self._forward.get(name, [])

    def owner(self, address: str) -> bytes:
        return self._reverse.get(address, b"")
