"""Who a process is, looked up in the container's own /etc/passwd and /etc/group. Hot; pure functions on their text.

Law: a number outside 0 to 2147483647 is refused wherever it comes from, since 4294967295 means "leave unchanged" to
setresuid(2) and 4294967296 wraps to root. The groups are exactly these: the primary one, those that list the user
(unless a group was named), and those asked for.
"""

from __future__ import annotations

from stackup.errors import HostError

_HIGHEST = 2**31 - 1


class Identity:
    __slots__ = ("gid", "groups", "home", "uid")

    def __init__(self, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.uid, self.gid, self.groups, self.home = uid, gid, groups, home


def identify(user: str, extra_groups: list[str], passwd: str, group: str) -> Identity:
    """`user` is "", name, uid, name:group, uid:gid or :group; extra groups are names or numbers."""
    name, colon, wanted_group = user.partition(":")
    users, groups = list(_rows(passwd, 7)), list(_rows(group, 4))
    row = _find(users, name or "0")
    if row:
        uid, gid, home = _number(row[2], "user"), _number(row[3], "group"), row[5] or "/"
    elif _is_number(name or "0"):
        uid, gid, home = _number(name or "0", "user"), 0, "/"
    else:
        hint = "name a user of the image's /etc/passwd, or give a number"
        raise HostError(f'no user "{name}" in the container', subject=name, hint=hint)
    members: list[int] = []
    if wanted_group or colon:
        gid = _group(groups, wanted_group) if wanted_group else gid
    elif row:
        members = [_number(line[2], "group") for line in groups if row[0] in line[3].split(",")]
    wanted = [gid, *members, *(_group(groups, extra) for extra in extra_groups)]
    return Identity(uid, gid, list(dict.fromkeys(wanted)), home)


def _rows(text: str, width: int) -> list[list[str]]:
    found = []
    for line in text.splitlines():
        row = line.strip().split(":")
        if row[0] and not row[0].startswith("#") and len(row) >= min(width, 4):
            found.append(row + [""] * (width - len(row)))
    return found


def _find(rows: list[list[str]], key: str) -> list[str] | None:
    """A name wins over the same text as a number, as in Docker."""
    for row in rows:
        if row[0] == key:
            return row
    if _is_number(key):
        for row in rows:
            if row[2].lstrip("0") == key.lstrip("0") and _is_number(row[2]):  # as text: int() gives up on long ones
                return row
    return None


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= _HIGHEST):
        hint = f"numbers of users and groups lie between 0 and {_HIGHEST}"
        raise HostError(f'"{text}" is not a {what} number', subject=text, hint=hint)
    return int(text)


def _group(rows: list[list[str]], key: str) -> int:
    row = _find(rows, key)
    if row:
        return _number(row[2], "group")
    if _is_number(key):
        return _number(key, "group")
    hint = "name a group of the image's /etc/group, or give a number"
    raise HostError(f'no group "{key}" in the container', subject=key, hint=hint)
