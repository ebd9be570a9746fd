"""The small grammars of Compose's short forms: text to the fields of the long form.

Pure; ValueError says what is wrong. Ports, mounts, devices, hosts and command lines. Fields come back as texts,
numbers and flags; the caller gives them their place in a tree.
"""

from __future__ import annotations

import posixpath
import re
from typing import TypeAlias

Fields: TypeAlias = "dict[str, str | int | bool | Fields]"

MAX_PORTS = 65_536
"""Of a whole file: servers of media publish ten thousand, hostile files millions."""

_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z")
_DRIVE = re.compile(r"[A-Za-z]:\\")
_PROPAGATION = frozenset(("private", "rprivate", "shared", "rshared", "slave", "rslave"))
_CONSISTENCY = frozenset(("consistent", "cached", "delegated"))


def ports(text: str) -> list[Fields]:
    """`[[ip:]host[-end]:]container[-end][/protocol]`, one entry a container port."""
    rest, _, protocol = text.partition("/")
    if "/" in text and protocol.lower() not in ("tcp", "udp", "sctp"):
        raise ValueError(f'"{protocol}" is no protocol: write tcp or udp')
    rest, _, inside = rest.rpartition(":")
    host_ip, _, outside = rest.rpartition(":") if rest else ("", "", "")
    targets = _range(inside, "container")
    published = _range(outside, "host") if outside else None
    common: Fields = {"mode": "ingress", "protocol": protocol.lower() or "tcp"}
    if host_ip:
        common["host_ip"] = host_ip.removeprefix("[").removesuffix("]")
    if published is not None and len(published) > 1 and len(targets) == 1:
        return [common | {"target": targets[0], "published": outside}]
    if published is not None and len(published) != len(targets):
        raise ValueError(f"{len(published)} host ports cannot be paired with {len(targets)} container ports")
    if published is None:
        return [common | {"target": target} for target in targets]
    return [common | {"target": one, "published": str(other)} for one, other in zip(targets, published, strict=True)]


def _range(text: str, whose: str) -> range:
    found = _RANGE.match(text)
    if not found:
        raise ValueError(f'"{text}" is no {whose} port')
    first, last = int(found[1]), int(found[2] or found[1])
    if not 0 <= first <= last <= 65535 or (whose == "container" and first == 0):
        raise ValueError(f'"{text}" is no {whose} port: 1 to 65535, the lower first')
    return range(first, last + 1)


def mount(text: str) -> tuple[Fields, list[str]]:
    """`[source:]target[:options]`, and the options that mean nothing."""
    if _DRIVE.match(text):
        raise ValueError(f'"{text}" is a path of Windows; on Linux a folder begins with ./, / or ~')
    parts = text.split(":")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise ValueError(f'"{text}" is not source:target or source:target:options')
    source, target = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
    options = parts[2].split(",") if len(parts) == 3 else []
    is_bind = source.startswith((".", "/", "~", "\\"))
    fields: Fields = {"type": "bind" if is_bind else "volume"}
    if source:
        fields["source"] = source
    fields["target"] = clean(target)
    details: Fields = {"create_host_path": True} if is_bind else {}
    unknown = [option for option in options if not _mount_option(option, fields, details, is_bind)]
    fields["bind" if is_bind else "volume"] = details
    return fields, unknown


def _mount_option(option: str, fields: Fields, details: Fields, is_bind: bool) -> bool:
    if option in ("ro", "rw"):
        if option == "ro":
            fields["read_only"] = True
    elif option in _CONSISTENCY:
        fields["consistency"] = option
    elif option in _PROPAGATION and is_bind:
        details["propagation"] = option
    elif option in ("z", "Z") and is_bind:
        details["selinux"] = option
    elif option in ("nocopy", "volume-nocopy") and not is_bind:
        details["nocopy"] = True
    else:
        return option in ("z", "Z")
    return True


def clean(target: str) -> str:
    """A path in the container without `//`, `/./` and a slash at its end; two mounts are compared by it."""
    return posixpath.normpath(target) if target else target


def device(text: str) -> Fields:
    """`source[:target[:permissions]]`, or a CDI name, which holds `=`."""
    if "=" in text:
        return {"source": text, "target": text, "permissions": "rwm"}
    parts = text.split(":")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise ValueError(f'"{text}" is not source:target:permissions')
    permissions = parts[2] if len(parts) == 3 else "rwm"
    if set(permissions) - set("rwm"):
        raise ValueError(f'"{permissions}" are no permissions: any of r, w, m')
    return {"source": parts[0], "target": parts[1] if len(parts) > 1 else parts[0], "permissions": permissions}


def host(text: str) -> tuple[str, str]:
    """`name=address` or `name:address`; an IPv6 address may stand in brackets."""
    mark = "=" if "=" in text else ":"
    name, _, address = text.partition(mark)
    if not name.strip() or not address.strip():
        raise ValueError(f'"{text}" is not name=address')
    return name.strip(), address.strip().removeprefix("[").removesuffix("]")


def words(text: str) -> list[str]:
    """A command line split as a shell does, without running one: quotes and backslashes, nothing else."""
    found: list[str] = []
    current: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'" and at + 1 < len(text):
            at += 1
            if text[at] != "\n":
                keeps = quote == '"' and text[at] not in '"\\$`'
                (current := current if current is not None else []).append("\\" * keeps + text[at])
        elif quote:
            quote = "" if char == quote else quote
            if char not in ("'", '"') or quote:
                (current := current if current is not None else []).append(char)
        elif char in ("'", '"'):
            quote = char
            current = current if current is not None else []
        elif char in " \t\r\n":
            if current is not None:
                found.append("".join(current))
            current = None
        else:
            (current := current if current is not None else []).append(char)
        at += 1
    if quote:
        raise ValueError(f"a quote is not closed: {quote}")
    return found if current is None else [*found, "".join(current)]
