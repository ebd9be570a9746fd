"""`tmpfs: /run:size=64m,mode=1770,uid=1000`: the words of the short form, read."""

from __future__ import annotations

from typing import Any

from stackup.values import parse_size

ALWAYS = ("rw", "nosuid", "nodev", "noexec")
"""Words for what is so anyway."""
LARGEST_ID = 2**32 - 2
"""The last one, -1 to the kernel, means nobody."""


def _octal(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or not set(text) <= set("01234567"):
        raise ValueError(f'"{text}" is no mode such as 1777')
    return int(text, 8) & 0o7777


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > LARGEST_ID:
        raise ValueError(f'"{text}" is not the number of a user or group')
    return int(text)


_READERS = {"size": parse_size, "mode": _octal, "uid": _id, "gid": _id, "nr_inodes": parse_size}
_FIELDS = {"nr_inodes": "inodes"}


def short_tmpfs(options: str) -> dict[str, Any]:
    """Fields of a mount's normal form. Raises ValueError for a value that cannot be; unknown words say nothing here."""
    found: dict[str, Any] = {}
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name in _READERS:
            found[_FIELDS.get(name, name)] = _READERS[name](value)
        elif name == "ro":
            found["read_only"] = True
        elif name == "exec":
            found["exec"] = True
    return found


def unknown(options: str) -> list[str]:
    known = (*_READERS, *ALWAYS, "ro", "exec")
    return [word for word in options.split(",") if word and word.partition("=")[0] not in known]
