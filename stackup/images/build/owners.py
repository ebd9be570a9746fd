"""--chown and --chmod: names looked up in the image's own passwd and group, modes in octal or in chmod's words."""

from __future__ import annotations

import errno
import os
import re
import stat

from stackup.errors import KernelError, UsageError
from stackup.kernel.resolve import open_beneath

_DATABASE_MAX = 8 << 20
_HIGHEST = 2**31 - 1
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=][rwxXst]*)+)")
_ACTION = re.compile(r"([-+=])([rwxXst]*)")
_SHIFTS = {"u": 6, "g": 3, "o": 0}


def owner_of(root_fd: int, text: str) -> tuple[int, int]:
    """`name`, `uid`, `name:group`, ...: a name brings its own group, a number means both. Raises UsageError."""
    user, colon, group = text.partition(":")
    row = _row(_database(root_fd, "/etc/passwd"), user) if user and not user.isdecimal() else None
    if row is not None:
        uid, gid = _number(row[2], "user"), _number(row[3] if len(row) > 3 else "", "group")
    elif user.isdecimal() or not user:
        uid = gid = _number(user or "0", "user")
    else:
        raise UsageError(f'no user "{user}" in the image', subject=user, hint="see its /etc/passwd, or give a number")
    if not colon or not group:
        return uid, gid
    if group.isdecimal():
        return uid, _number(group, "group")
    found = _row(_database(root_fd, "/etc/group"), group)
    if found is None:
        raise UsageError(f'no group "{group}" in the image', subject=group, hint="see its /etc/group, or give a number")
    return uid, _number(found[2], "group")


def _row(text: str, name: str) -> list[str] | None:
    rows = (line.split(":") for line in text.splitlines())
    return next((row for row in rows if row[0] == name and len(row) > 2), None)


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= _HIGHEST):
        raise UsageError(f'"{text}" is not a {what} number', subject=text)
    return int(text)


def _database(root_fd: int, path: str) -> str:
    try:
        fd = open_beneath(root_fd, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except KernelError as problem:
        if problem.errno in (errno.ENOENT, errno.ENOTDIR):
            return ""
        raise
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        return file.read(_DATABASE_MAX).decode(errors="replace")


def mode_of(text: str, mode: int, *, folder: bool) -> int:
    """The mode that --chmod makes of one; `evaluate` has looked at its form."""
    if not text:
        return mode
    if text.isdecimal():
        return int(text, 8)
    for clause in text.split(","):
        found = _CLAUSE.fullmatch(clause)
        assert found, "evaluate refuses other modes"
        for sign, letters in _ACTION.findall(found[2]):
            mode = _changed(mode, found[1], sign, letters, folder=folder)
    return mode


def _changed(mode: int, who: str, sign: str, letters: str, *, folder: bool) -> int:
    classes = "ugo" if not who or "a" in who else who
    bits = sum({"r": 4, "w": 2, "x": 1}.get(letter, 0) for letter in set(letters) - {"X"})
    if "X" in letters and (folder or mode & 0o111):
        bits |= 1
    mask = whole = 0
    for one in set(classes):
        mask |= bits << _SHIFTS[one]
        whole |= 7 << _SHIFTS[one]
    if "s" in letters:
        mask |= (0o4000 if "u" in classes else 0) | (0o2000 if "g" in classes else 0)
    if "t" in letters:
        mask |= 0o1000
    if sign == "+":
        return mode | mask
    return mode & ~mask if sign == "-" else (mode & ~whole) | mask
